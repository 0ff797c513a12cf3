-- The rows that may not be kept for later days: of people who asked to be erased, and of accounts closed
-- long ago. Placeholders of such rows (content of 17 bytes) are not listed again.
-- in:  claims, erased (person_key)
-- out: file, row_number, erased (of a person who asked to be), first_row (of the rows that share the
--      record_key), contested (these are in several files or differ)
WITH expired AS (
    SELECT
        c.file,
        c.row_number,
        c.record_key,
        coalesce(c.excluded, '') <> 'closed_long_ago' AS erased
    FROM claims AS c
    LEFT JOIN erased AS e ON e.person_key = c.person_key
    WHERE octet_length(c.content) < 17
        AND (e.person_key IS NOT NULL OR c.excluded = 'closed_long_ago')
),
shared AS (
    SELECT
        record_key,
        min(row_number) AS first_row,
        min(file) <> max(file) OR min(content) <> max(content) AS contested
    FROM claims
    WHERE record_key IN (SELECT record_key FROM expired)
    GROUP BY record_key
)
SELECT x.file, x.row_number, x.erased, s.first_row, s.contested
FROM expired AS x
JOIN shared AS s ON s.record_key = x.record_key
