-- Statements that give the columns of views the comments of the same columns of tables.
-- Inputs: DuckDB's own catalogue. Columns: statement.
SELECT concat(
           'COMMENT ON COLUMN ', listed.table_name, '.', listed.column_name, ' IS ''',
           replace(
               coalesce(
                   known.comment, own.comment,
                   'What the figure is a part of: figures of one partition count different people and may be added up, others may not. Null where segments of the level overlap.'
               ),
               '''', ''''''
           ), ''''
       ) AS statement
FROM duckdb_columns() AS listed
JOIN duckdb_views() AS view ON view.view_name = listed.table_name AND NOT view.internal
LEFT JOIN duckdb_columns() AS known
  ON known.table_name = 'figures' AND known.column_name = listed.column_name
LEFT JOIN duckdb_columns() AS own
  ON own.table_name = 'segments' AND own.column_name = listed.column_name
WHERE listed.comment IS NULL
ORDER BY listed.table_name, listed.column_index
