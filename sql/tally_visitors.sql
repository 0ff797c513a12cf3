-- Everybody who visited, with the number of visits on their busiest day (those of programs too).
-- in:  visits, late_visits
-- out: person_key, visits; one row a person
WITH daily AS (
    SELECT person_key, local_day, count(*) AS visits
    FROM (
        SELECT person_key, local_day FROM visits
        UNION ALL
        SELECT person_key, local_day FROM late_visits WHERE NOT repeated
    )
    WHERE person_key IS NOT NULL
    GROUP BY person_key, local_day
)
SELECT person_key, max(visits) AS visits
FROM daily
GROUP BY person_key
