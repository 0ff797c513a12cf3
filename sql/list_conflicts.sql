-- The rows that share an id and are not kept.
-- in:  resolved
-- out: file, row_number
SELECT file, row_number
FROM resolved
WHERE outcome = 'conflicting_id'
