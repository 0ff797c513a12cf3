-- People whose age is not known: they may be minors.
-- in:  profiles
-- out: person_key
SELECT person_key
FROM profiles
WHERE age IS NULL
