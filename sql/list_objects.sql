-- What a database is made of, so that two can be compared: each object with all that describes it.
-- Inputs: DuckDB's own catalogue. Columns: object, description.
WITH described AS (
    SELECT 'table ' || table_name AS object, concat_ws(' | ', sql, comment) AS description
    FROM duckdb_tables()
    WHERE NOT internal AND NOT temporary
    UNION ALL
    SELECT 'column ' || table_name || '.' || column_name, concat_ws(' | ', data_type, comment)
    FROM duckdb_columns()
    WHERE NOT internal AND table_name IN (
        SELECT table_name FROM duckdb_tables() WHERE NOT internal AND NOT temporary
    )
    UNION ALL
    SELECT 'view ' || view_name, concat_ws(' | ', sql, comment)
    FROM duckdb_views()
    WHERE NOT internal AND NOT temporary
    UNION ALL
    SELECT
        'macro ' || function_name,
        concat_ws(' | ', function_type, CAST(parameters AS VARCHAR), macro_definition, comment)
    FROM duckdb_functions()
    WHERE NOT internal
)
SELECT object, string_agg(description, chr(10) ORDER BY description) AS description
FROM described
GROUP BY object
ORDER BY object
