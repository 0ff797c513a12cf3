-- The named segments of a campaign and how they changed, period by period.
-- Inputs: trend of the analysts' database. Columns: period_start, period, segment_id, segment, status,
-- people, people_least, people_most, change, change_least, change_most, direction.
-- Parameters: $campaign, $every.
FROM trend($campaign, every := $every)
