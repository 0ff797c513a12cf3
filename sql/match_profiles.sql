-- The objections of people who have a profile.
-- in:  objections (request_key, person_key), standing (profiles)
-- out: request_key
SELECT DISTINCT o.request_key
FROM objections AS o
JOIN standing AS s ON s.person_key = o.person_key
WHERE s.excluded IS NULL
