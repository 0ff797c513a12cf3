-- How many rows share an id, by what became of them.
-- in:  resolved
-- out: outcome, row_count
SELECT outcome, count(*) AS row_count
FROM resolved
GROUP BY outcome
