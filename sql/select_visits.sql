-- The accepted visits of the day, in their fixed order.
-- in:  standing (visits), erased
-- out: visit_key, person_key, campaign_ids, program, interest, local_day
SELECT record_key AS visit_key, person_key, campaign_ids, program, interest, local_day
FROM standing AS s
WHERE excluded IS NULL
    AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.person_key = s.person_key)
ORDER BY record_key
