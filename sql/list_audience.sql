-- Everybody eligible, as the audience that they are.
-- in:  people; $subject_id
-- out: subject_id, person_key, mark, bucket, gender, age_band, region
SELECT $subject_id AS subject_id, person_key, mark, bucket, gender, age_band, region
FROM people
