-- The accepted visits of the day, in their fixed order.
-- in:  standing (visits)
-- out: visit_key, person_key, campaign_ids, program, interest, local_day
SELECT record_key AS visit_key, person_key, campaign_ids, program, interest, local_day
FROM standing
WHERE excluded IS NULL
ORDER BY record_key
