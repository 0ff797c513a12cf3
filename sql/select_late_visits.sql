-- Visits that came too late for their own day and can still count in a week or month, in their
-- fixed order.
-- in:  standing (visits); $oldest (the first day that an open period can need)
-- out: visit_key, person_key, campaign_ids, program, interest, local_day
SELECT record_key AS visit_key, person_key, campaign_ids, program, interest, local_day
FROM standing
WHERE excluded = 'late' AND local_day >= $oldest
ORDER BY record_key
