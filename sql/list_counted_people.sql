-- The people that count for each subject: those reached, without the contributions beyond the
-- bound.
-- in:  reached, beyond (list_contributions_beyond.sql)
-- out: the columns of reached
SELECT r.*
FROM reached AS r
WHERE NOT EXISTS (
    SELECT 1
    FROM beyond AS b
    WHERE b.person_key = r.person_key AND b.subject_id = r.subject_id
)
