-- How many rows of a table do not stand, by what became of them, and how many that stand are left out, by
-- reason.
-- in:  resolved, standing
-- out: step (resolved | excluded), outcome, row_count
SELECT 'resolved' AS step, outcome, count(*) AS row_count
FROM resolved
GROUP BY outcome
UNION ALL
SELECT 'excluded' AS step, excluded AS outcome, count(*) AS row_count
FROM standing
WHERE excluded IS NOT NULL
GROUP BY excluded
ORDER BY step, outcome
