-- Which withdrawals and erasures have no sound time, so that they are in force for good, by file.
-- in:  standing (requests)
-- out: code, raw_column, file (its number), row_count, first_rows (up to five row numbers)
WITH noted AS (
    SELECT 'request_undated' AS code, 'requested_at' AS raw_column, file, row_number
    FROM standing
    WHERE undated
)
SELECT
    code,
    raw_column,
    file,
    count(*) AS row_count,
    min(row_number, 5) AS first_rows
FROM noted
GROUP BY code, raw_column, file
ORDER BY code, file
