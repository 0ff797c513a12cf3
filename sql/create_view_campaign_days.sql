-- The figures of campaigns on days, with their segments in words.
-- Input: described_figures. Columns: those of figures, and segment, gender, age, region_code, level,
-- partition.
CREATE VIEW campaign_days AS
FROM described_figures('campaign', 'day');
COMMENT ON VIEW campaign_days IS 'Figures of campaigns on days. Rows overlap: sum(people) counts most people several times. Only rows with the same partition count different people; total_people(people, partition) adds those up and refuses others.';
