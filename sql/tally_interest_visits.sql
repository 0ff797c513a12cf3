-- Visits by what decides about them: who came, and what they were interested in.
-- in:  visits, late_visits
-- out: person_key, program, subjects (an interest's code or nothing), visits
SELECT
    person_key,
    program IS NOT FALSE AS program,
    coalesce(interest, '') AS subjects,
    count(*) AS visits
FROM (
    SELECT person_key, program, interest FROM visits
    UNION ALL
    SELECT person_key, program, interest FROM late_visits WHERE NOT repeated
)
GROUP BY 1, 2, 3
