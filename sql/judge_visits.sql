-- What becomes of the visits, and for which subject they would count. `reached`: the person is
-- eligible and in the target of a subject that has a table. `unsettled`: a visitor for whom
-- eligibility is not decided.
-- in:  tallied, choices (choose_subjects.sql), excluded, people, subjects (those with a table),
--      targets; $nothing (outcome of a visit to no subject with a table)
-- out: person_key, subject_id (null unless reached), outcome, visits
WITH known AS (
    SELECT DISTINCT c.subjects
    FROM (
        SELECT subjects, unnest(string_split(subjects, chr(31))) AS subject_id
        FROM (SELECT DISTINCT subjects FROM tallied WHERE subjects <> '')
    ) AS c
    WHERE EXISTS (SELECT 1 FROM targets AS t WHERE t.subject_id = c.subject_id)
),
standing AS (
    SELECT person_key, reason, CAST(NULL AS VARCHAR) AS region FROM excluded
    UNION ALL
    SELECT person_key, 'eligible' AS reason, region FROM people
)
SELECT
    v.person_key,
    CASE WHEN NOT v.program AND s.reason = 'eligible' THEN t.subject_id END AS subject_id,
    CASE
        WHEN v.person_key IS NULL THEN 'guest'
        WHEN v.program THEN 'program'
        WHEN s.reason IS NULL THEN 'unsettled'
        WHEN s.reason <> 'eligible' THEN s.reason
        WHEN t.subject_id IS NOT NULL THEN 'reached'
        WHEN k.subjects IS NOT NULL AND c.subject_id IS NULL THEN 'outside_target'
        ELSE $nothing
    END AS outcome,
    v.visits
FROM tallied AS v
LEFT JOIN standing AS s ON s.person_key = v.person_key
LEFT JOIN known AS k ON k.subjects = v.subjects
LEFT JOIN choices AS c ON c.subjects = v.subjects AND c.region = s.region
LEFT JOIN subjects AS t ON t.subject_id = c.subject_id
