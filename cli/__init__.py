"""The command `audience`: its commands, what they print, and what they end with."""
