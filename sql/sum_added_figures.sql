-- `sum_database.sql` for the table of figures by an added dimension.
-- Input: added_figures. Columns: name, rows, sum (over the hashes of all rows; where $releases is not
-- null, over the rows of these releases alone).
-- Parameters: $releases (a list of ids, or null).
SELECT 'added_figures' AS name, (SELECT count(*) FROM added_figures) AS rows,
       sum(CAST(hash(added_figures) AS HUGEINT)) AS sum
FROM added_figures
WHERE CAST($releases AS VARCHAR[]) IS NULL OR list_contains(CAST($releases AS VARCHAR[]), release_id)
