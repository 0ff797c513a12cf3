-- The names of all columns of the analysts' database.
-- Inputs: DuckDB's own catalogue. Columns: name.
SELECT DISTINCT column_name AS name
FROM duckdb_columns()
WHERE NOT internal
