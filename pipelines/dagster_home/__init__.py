"""Dagster's own files in the home, and its pages and daemon."""
