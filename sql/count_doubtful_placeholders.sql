-- Placeholders (content of 17 bytes) that do not give what the rows in their place would: of people
-- who are not erased, and of people of whom there are other rows in another file.
-- in:  claims, erased (person_key)
-- out: doubtful
WITH placeholders AS (
    SELECT file, person_key
    FROM claims
    WHERE octet_length(content) = 17 AND excluded IS DISTINCT FROM 'closed_long_ago'
)
SELECT count(*) AS doubtful
FROM placeholders AS p
LEFT JOIN erased AS e ON e.person_key = p.person_key
WHERE e.person_key IS NULL
    OR EXISTS (
        SELECT 1 FROM claims AS c
        WHERE c.person_key = p.person_key AND c.file <> p.file AND octet_length(c.content) < 17
    )
