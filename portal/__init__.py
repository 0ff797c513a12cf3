"""Pages on which ad-ops find, understand and download exports; they read published files alone."""
