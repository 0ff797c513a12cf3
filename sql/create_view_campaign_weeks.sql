-- How many people accessed the link of each campaign in each ISO week. No segments, so that no sum over
-- rows counts overlapping segments.
-- Input: totals_of. Columns: those of released_tables, and status, people, people_least, people_most,
-- rounding.
CREATE VIEW campaign_weeks AS
FROM totals_of('campaign', 'week');
COMMENT ON VIEW campaign_weeks IS 'One row a campaign and ISO week: how many people accessed its advertising link. A row counts each person once; a sum over campaigns and weeks counts a person once for each row that counts them. Segments: FROM figures_by(''gender'', every := ''week'').';
