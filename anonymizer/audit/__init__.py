"""Checks proofs, and attacks published tables as an intruder would."""
