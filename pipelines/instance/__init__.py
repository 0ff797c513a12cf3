"""Dagster's instance: its own files in the home, and its pages and daemon.

Other packages import `full_disk`, `instance` and `open_files`.
"""
