"""Files, locks, keys, processes and the database engine of a home directory."""
