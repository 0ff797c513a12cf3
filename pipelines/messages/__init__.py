"""What a run says and to whom: screen, progress, log of events, alerts, metadata for Dagster.

Other packages import every module.
"""
