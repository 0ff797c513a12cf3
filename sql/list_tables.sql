-- The tables of a database.
-- Inputs: DuckDB's own catalogue. Columns: table_name.
SELECT table_name
FROM duckdb_tables()
WHERE NOT internal AND NOT temporary
ORDER BY table_name
