"""Dagster runs the stages day by day: assets and their checks, schedules, sensors, alerts."""
