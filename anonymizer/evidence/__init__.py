"""What the privacy officer shows to others: records and assessments, filled in from a home.

Other packages import `pack`.
"""
