-- How many people accessed the link of each campaign on each day. No segments, so that no sum over
-- rows counts overlapping segments.
-- Input: totals_of. Columns: those of released_tables, and status, people, people_least, people_most,
-- rounding.
CREATE VIEW campaign_days AS
FROM totals_of('campaign', 'day');
COMMENT ON VIEW campaign_days IS 'One row a campaign and day: how many people accessed its advertising link. A row counts each person once; a sum over campaigns and days counts a person once for each row that counts them. Segments: FROM figures_by(''gender'').';
