-- The figures of campaigns on days, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW campaign_days AS
FROM described_figures('campaign', 'day');
COMMENT ON VIEW campaign_days IS 'Figures of campaigns on days. People of rows with the same partition may be added up, and no others.';
