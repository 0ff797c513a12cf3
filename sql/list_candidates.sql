-- The candidates for eligibility where all people count: everyone with a profile or a visit.
-- in:  profiles, visitors
-- out: person_key; one row a person
SELECT person_key FROM profiles
UNION
SELECT person_key FROM visitors
