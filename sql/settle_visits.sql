-- What became of the visits. `unsettled`: a visitor about whom eligibility has not decided.
-- in:  tallied, excluded, people, subjects, targets; $nothing (outcome of a visit to no subject)
-- out: outcome, visits
WITH sets AS (
    SELECT subjects, unnest(string_split(subjects, chr(31))) AS subject_id
    FROM (SELECT DISTINCT subjects FROM tallied WHERE subjects <> '')
),
known AS (
    SELECT DISTINCT c.subjects
    FROM sets AS c
    JOIN subjects AS s ON s.subject_id = c.subject_id
),
within AS (
    SELECT DISTINCT c.subjects, t.region
    FROM sets AS c
    JOIN targets AS t ON t.subject_id = c.subject_id
),
standing AS (
    SELECT person_key, reason, CAST(NULL AS VARCHAR) AS region FROM excluded
    UNION ALL
    SELECT person_key, 'eligible' AS reason, region FROM people
)
SELECT
    CASE
        WHEN v.person_key IS NULL THEN 'guest'
        WHEN v.program THEN 'program'
        WHEN s.reason IS NULL THEN 'unsettled'
        WHEN s.reason <> 'eligible' THEN s.reason
        WHEN w.subjects IS NOT NULL THEN 'counted'
        WHEN k.subjects IS NOT NULL THEN 'outside_target'
        ELSE $nothing
    END AS outcome,
    CAST(sum(v.visits) AS BIGINT) AS visits
FROM tallied AS v
LEFT JOIN standing AS s ON s.person_key = v.person_key
LEFT JOIN known AS k ON k.subjects = v.subjects
LEFT JOIN within AS w ON w.subjects = v.subjects AND w.region = s.region
GROUP BY 1
ORDER BY 1
