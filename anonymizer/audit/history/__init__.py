"""Judges a release together with linked earlier ones: what only their figures in common reveal."""
