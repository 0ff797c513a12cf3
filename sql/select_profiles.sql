-- The accepted profiles of the day, in their fixed order.
-- in:  standing (profiles)
-- out: person_key, gender, age, region, account_days, closed
SELECT person_key, gender, age, region, account_days, closed
FROM standing
WHERE excluded IS NULL
ORDER BY person_key
