"""Database engines: each runs the statements of `sql/`; DuckDB is the one that there is."""
