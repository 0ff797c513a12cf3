"""Suppression and audit for a table that anyone has made.

Other packages import `protection`, `protection_report`, `request`, `rules` and `table_files`.
"""
