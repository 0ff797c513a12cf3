-- The figures of interests in the 30 days to the end of ISO weeks, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW interest_weeks AS
FROM described_figures('interest', 'week');
COMMENT ON VIEW interest_weeks IS 'Figures of interests in the 30 days to the end of ISO weeks. People of rows with the same partition may be added up, and no others.';
