-- People whose age is not known: nobody can say that they are adults.
-- in:  profiles
-- out: person_key
SELECT person_key
FROM profiles
WHERE age IS NULL
