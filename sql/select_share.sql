-- How much of a campaign a segment is, in percent, period by period.
-- Inputs: share of the analysts' database. Columns: period_start, period_end, period, status, percent,
-- percent_least, percent_most. Parameters: $campaign, $segment, $every.
FROM share($campaign, $segment, every := $every)
