-- The share of a segment in a campaign against its share in the audience, period by period.
-- Inputs: index_of of the analysts' database. Columns: period_start, period, audience_period, status,
-- index, index_least, index_most. Parameters: $campaign, $segment, $every.
FROM index_of($campaign, $segment, every := $every)
