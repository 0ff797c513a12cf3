-- Visitors of whom no profile is known.
-- in:  visitors, profiles
-- out: person_key
SELECT person_key
FROM visitors
WHERE NOT EXISTS (SELECT 1 FROM profiles WHERE profiles.person_key = visitors.person_key)
