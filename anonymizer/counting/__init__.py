"""Who is eligible, and how many distinct people each campaign reached in each cell.

Other packages import `eligibility`, `inputs`, `reach` and `working_rows`.
"""
