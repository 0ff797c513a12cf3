-- Who (no guest, no program) accessed which subject that has a table: once each, however often.
-- in:  tallied (tally_*_visits.sql), subjects (subject_id)
-- out: subject_id, person_key
SELECT DISTINCT t.subject_id, t.person_key
FROM (
    SELECT person_key, unnest(string_split(subjects, chr(31))) AS subject_id
    FROM tallied
    WHERE person_key IS NOT NULL AND NOT program AND subjects <> ''
) AS t
JOIN subjects AS s ON s.subject_id = t.subject_id
