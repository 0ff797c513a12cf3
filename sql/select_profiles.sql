-- The accepted profiles of the day, in their fixed order.
-- in:  standing (profiles), erased
-- out: person_key, gender, age, region, account_days, closed
SELECT person_key, gender, age, region, account_days, closed
FROM standing AS s
WHERE excluded IS NULL
    AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.person_key = s.person_key)
ORDER BY person_key
