-- The figures of campaigns in ISO weeks, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW campaign_weeks AS
FROM described_figures('campaign', 'week');
COMMENT ON VIEW campaign_weeks IS 'Figures of campaigns in ISO weeks. People of rows with the same partition may be added up, and no others.';
