-- The accepted visits of the day, in their fixed order.
-- in:  standing (visits)
-- out: visit_key, person_key, campaign_ids, program
SELECT record_key AS visit_key, person_key, campaign_ids, program
FROM standing
WHERE excluded IS NULL
ORDER BY record_key
