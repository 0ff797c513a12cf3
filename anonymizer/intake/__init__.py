"""Raw files become accepted rows; every other row is accounted for."""
