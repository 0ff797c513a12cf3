-- People who registered after the day.
-- in:  profiles
-- out: person_key
SELECT person_key
FROM profiles
WHERE account_days IS NULL OR account_days < 0
