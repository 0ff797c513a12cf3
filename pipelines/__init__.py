"""Dagster runs the stages day by day: assets and their checks, schedules, sensors, alerts.

Other packages import `assembly`, `run_limits` and `runs`.
"""
