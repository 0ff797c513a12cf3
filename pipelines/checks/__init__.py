"""Asset checks: a stage's account of itself is compared with what is on disk."""
