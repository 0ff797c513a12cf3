-- How many people have rows.
-- in:  accepted
-- out: people
SELECT count(DISTINCT person_key) AS people
FROM accepted
