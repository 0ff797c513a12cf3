-- How many standing rows are left out, by reason.
-- in:  standing
-- out: excluded, row_count
SELECT excluded, count(*) AS row_count
FROM standing
WHERE excluded IS NOT NULL
GROUP BY excluded
ORDER BY excluded
