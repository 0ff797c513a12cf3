-- People with more visits on one day than a person makes.
-- in:  visitors; $max_visits
-- out: person_key
SELECT person_key
FROM visitors
WHERE visits > $max_visits
