"""The deployment's own assets, and its components."""
