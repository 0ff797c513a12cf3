-- Eligible people inside a subject's target who accessed it.
-- in:  accesses, people, targets (subject_id, region)
-- out: subject_id, person_key, mark, gender, age_band, region, trusted
SELECT a.subject_id, p.person_key, p.mark, p.gender, p.age_band, p.region, p.trusted
FROM accesses AS a
JOIN people AS p ON p.person_key = a.person_key
WHERE EXISTS (
    SELECT 1 FROM targets AS t WHERE t.subject_id = a.subject_id AND t.region = p.region
)
