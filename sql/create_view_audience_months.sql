-- The figures of the audience at the end of months, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW audience_months AS
FROM described_figures('audience', 'month');
COMMENT ON VIEW audience_months IS 'Figures of the audience at the end of months. Rows overlap: sum(people) counts most people several times. Only rows with the same partition count different people; total_people(people, partition) adds those up and refuses others.';
