-- Statements that give the columns of views the comments of the same columns of the table of figures.
-- Inputs: DuckDB's own catalogue. Columns: statement.
SELECT concat(
           'COMMENT ON COLUMN ', listed.table_name, '.', listed.column_name, ' IS ''',
           replace(known.comment, '''', ''''''), ''''
       ) AS statement
FROM duckdb_columns() AS listed
JOIN duckdb_views() AS view ON view.view_name = listed.table_name AND NOT view.internal
JOIN duckdb_columns() AS known
  ON known.table_name = 'figures' AND known.column_name = listed.column_name
WHERE listed.comment IS NULL
ORDER BY listed.table_name, listed.column_index
