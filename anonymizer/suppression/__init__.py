"""Counts become figures that may be published, each with a proof.

Other packages import `release_suppression`, `representatives` and `single_table`.
"""
