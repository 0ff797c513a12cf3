-- The accepted consents of the day, in their fixed order.
-- in:  standing (consents)
-- out: person_key, purpose, granted, decided_at
SELECT person_key, purpose, granted, decided_at
FROM standing
WHERE excluded IS NULL
ORDER BY person_key, purpose, decided_at, granted
