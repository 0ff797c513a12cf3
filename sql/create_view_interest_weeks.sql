-- The figures of interests in the 30 days to the end of ISO weeks, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW interest_weeks AS
FROM described_figures('interest', 'week');
COMMENT ON VIEW interest_weeks IS 'Figures of interests in the 30 days to the end of ISO weeks. Rows overlap: sum(people) counts most people several times. Only rows with the same partition count different people; total_people(people, partition) adds those up and refuses others.';
