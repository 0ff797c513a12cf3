-- Everybody about whom eligibility decides where all people do: who has a profile or visited.
-- in:  profiles, visitors
-- out: person_key; one row a person
SELECT person_key FROM profiles
UNION
SELECT person_key FROM visitors
