-- The claims that stand after duplicates and conflicts are resolved.
-- in:  claims, resolved
-- out: the columns of claims
SELECT c.*
FROM claims AS c
WHERE NOT EXISTS (
    SELECT 1 FROM resolved AS s WHERE s.file = c.file AND s.row_number = c.row_number
)
