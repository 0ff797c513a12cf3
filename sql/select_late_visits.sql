-- Visits that came too late for their own day and can still count in a week or month, in their
-- fixed order.
-- in:  standing (visits), erased, open_periods (oldest: the first day that one of them can need)
-- out: visit_key, person_key, campaign_ids, program, interest, local_day
SELECT record_key AS visit_key, person_key, campaign_ids, program, interest, local_day
FROM standing AS s
WHERE excluded = 'late'
    AND local_day >= (SELECT oldest FROM open_periods)
    AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.person_key = s.person_key)
ORDER BY record_key
