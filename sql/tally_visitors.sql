-- Everybody who visited on the day, with the number of visits (those of programs too).
-- in:  visits
-- out: person_key, visits; one row a person
SELECT person_key, count(*) AS visits
FROM visits
WHERE person_key IS NOT NULL
GROUP BY person_key
