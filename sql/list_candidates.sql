-- Everybody about whom eligibility decides: who has a profile or visited on the day.
-- in:  profiles, visitors
-- out: person_key; one row a person
SELECT person_key FROM profiles
UNION
SELECT person_key FROM visitors
