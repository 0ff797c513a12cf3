"""The commands of `audience`, one module each: options in, what they print, how they end."""
