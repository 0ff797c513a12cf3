"""Counts become figures that may be published, each with a proof."""
