-- People younger than an adult on the day.
-- in:  profiles; $adult_age (completed years)
-- out: person_key
SELECT person_key
FROM profiles
WHERE age < $adult_age
