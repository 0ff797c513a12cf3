-- People whose account was closed on or before the day.
-- in:  profiles
-- out: person_key
SELECT person_key
FROM profiles
WHERE closed IS NOT FALSE
