-- The figures of campaigns in months, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW campaign_months AS
FROM described_figures('campaign', 'month');
COMMENT ON VIEW campaign_months IS 'Figures of campaigns in months. Rows overlap: sum(people) counts most people several times. Only rows with the same partition count different people; total_people(people, partition) adds those up and refuses others.';
