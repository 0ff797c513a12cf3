-- The figures of campaigns in months, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW campaign_months AS
FROM described_figures('campaign', 'month');
COMMENT ON VIEW campaign_months IS 'Figures of campaigns in months. People of rows with the same partition may be added up, and no others.';
