"""Pages on which ad-ops find exports, and an API for programs; they read published files alone."""
