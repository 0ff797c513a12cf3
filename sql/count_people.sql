-- How many people have accepted rows, and how many rows are of people who asked to be erased.
-- in:  standing (of a table about people), erased
-- out: people, erased
SELECT
    count(DISTINCT s.person_key) FILTER (WHERE e.person_key IS NULL) AS people,
    count(e.person_key) AS erased
FROM standing AS s
LEFT JOIN erased AS e ON e.person_key = s.person_key
WHERE s.excluded IS NULL
