"""What a run does: takes days in, counts them, publishes periods, and keeps a journal."""
