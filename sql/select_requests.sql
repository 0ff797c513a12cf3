-- The accepted requests of the day, in their fixed order.
-- in:  standing (requests)
-- out: request_key, person_key, kind, requested_at
SELECT record_key AS request_key, person_key, kind, requested_at
FROM standing
WHERE excluded IS NULL
ORDER BY record_key
