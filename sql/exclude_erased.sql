-- People who asked to be erased, whenever that was: they never count again.
-- in:  requests
-- out: person_key
SELECT DISTINCT person_key
FROM requests
WHERE kind = 'erase'
