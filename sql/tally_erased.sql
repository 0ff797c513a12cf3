-- How many standing rows that would be accepted are of people who asked to be erased.
-- in:  standing (of a table about people), erased
-- out: excluded, row_count
SELECT 'erased' AS excluded, count(*) AS row_count
FROM standing AS s
JOIN erased AS e ON e.person_key = s.person_key
WHERE s.excluded IS NULL
HAVING count(*) > 0
