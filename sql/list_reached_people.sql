-- Eligible people inside a subject's target who accessed it: once each, however often.
-- in:  judged (judge_visits.sql), people
-- out: subject_id, person_key, mark, bucket, gender, age_band, region
SELECT j.subject_id, p.person_key, p.mark, p.bucket, p.gender, p.age_band, p.region
FROM (
    SELECT DISTINCT subject_id, person_key
    FROM judged
    WHERE outcome = 'reached'
) AS j
JOIN people AS p ON p.person_key = j.person_key
