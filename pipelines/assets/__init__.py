"""Assets of every series, the jobs that make them, and the lineage that Dagster draws.

Other packages import `assets`, `jobs` and `lineage`.
"""
