"""What the code location has: one installation, as `$AUDIENCE_HOME` names it."""
