-- People whose account has been open for too few days on the day.
-- in:  profiles; $min_account_days
-- out: person_key
SELECT person_key
FROM profiles
WHERE account_days < $min_account_days
