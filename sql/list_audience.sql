-- Everybody eligible, as the audience that they are.
-- in:  people; $subject_id
-- out: subject_id, person_key, mark, gender, age_band, region, trusted
SELECT $subject_id AS subject_id, person_key, mark, gender, age_band, region, trusted
FROM people
