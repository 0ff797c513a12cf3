-- The accepted consents of the day, in their fixed order.
-- in:  standing (consents), erased
-- out: person_key, purpose, granted, decided_at
SELECT person_key, purpose, granted, decided_at
FROM standing AS s
WHERE excluded IS NULL
    AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.person_key = s.person_key)
ORDER BY person_key, purpose, decided_at, granted
