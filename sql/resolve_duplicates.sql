-- Rows that share an id. The same content is a duplicate. With different contents the row of
-- lowest rank, then lowest content hash, stands and the others conflict; without winners all of
-- them do. The outcome does not depend on files, their order or their names.
-- in:  claims (file, row_number, record_key, content, rank, arrival)
-- out: file, row_number, outcome (duplicate | conflicting_id)
-- parameters: $winners BOOLEAN
WITH contested AS (
    SELECT record_key
    FROM claims
    GROUP BY record_key
    HAVING count(*) > 1
),
placed AS (
    SELECT
        c.file,
        c.row_number,
        c.content,
        row_number() OVER preference AS place,
        first_value(c.content) OVER preference AS winner,
        min(c.content) OVER (PARTITION BY c.record_key)
        <> max(c.content) OVER (PARTITION BY c.record_key) AS differing
    FROM claims AS c
    JOIN contested AS k ON k.record_key = c.record_key
    WINDOW preference AS (
        PARTITION BY c.record_key
        ORDER BY c.rank, c.content, c.arrival, c.file, c.row_number
    )
)
SELECT
    file,
    row_number,
    CASE
        WHEN differing AND (NOT $winners OR content <> winner) THEN 'conflicting_id'
        ELSE 'duplicate'
    END AS outcome
FROM placed
WHERE place > 1 OR (differing AND NOT $winners)
