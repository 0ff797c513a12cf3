-- Figures by an added dimension, such as the class of device, with their segments in words. They are
-- apart from the other figures, so that nobody adds people of both. The table is there only where a
-- release has an added dimension. Those of corrected releases are left out.
-- Inputs: incoming_added_figures, incoming_subjects, incoming_campaigns, releases. Columns: see the
-- comments.
CREATE TABLE added_figures AS
SELECT figure.release_id, released.subject_kind, figure.subject_id, about.subject,
       campaign.advertiser_id, released.period_kind, released.period, released.period_start,
       released.period_end, figure.segment_id, figure.segment, figure.segment_indonesian,
       figure.named, figure.gender, figure.age, figure.region_code, figure.dimension, figure.value,
       figure.status, figure.people,
       CASE
           WHEN figure.people - released.error > released.threshold
               THEN figure.people - released.error
           WHEN figure.people IS NOT NULL THEN released.threshold
       END AS people_least,
       figure.people + released.error AS people_most, released.rounding
FROM incoming_added_figures AS figure
JOIN releases AS released ON released.release_id = figure.release_id
JOIN incoming_subjects AS about
  ON about.number = released.number AND about.subject_id = figure.subject_id
LEFT JOIN incoming_campaigns AS campaign
  ON campaign.release_id = figure.release_id AND campaign.campaign_id = figure.subject_id
WHERE released.corrected_by IS NULL
ORDER BY released.subject_kind, released.period_kind, figure.subject_id, released.period_start,
         figure.position;
COMMENT ON TABLE added_figures IS 'One row a figure by an added dimension (device, product_category). People of different values of one dimension are different people, in the same table and with the same gender, age and region; they are also in the figures of the table figures.';
COMMENT ON COLUMN added_figures.release_id IS 'The release that it stands in.';
COMMENT ON COLUMN added_figures.subject_kind IS 'campaign: what its people have in common; see subjects.';
COMMENT ON COLUMN added_figures.subject_id IS 'The campaign id.';
COMMENT ON COLUMN added_figures.subject IS 'The name of the subject in this release.';
COMMENT ON COLUMN added_figures.advertiser_id IS 'Whose campaign it is.';
COMMENT ON COLUMN added_figures.period_kind IS 'day, week or month.';
COMMENT ON COLUMN added_figures.period IS '2026-11-22, 2026-W47 or 2026-11.';
COMMENT ON COLUMN added_figures.period_start IS 'First day.';
COMMENT ON COLUMN added_figures.period_end IS 'Last day.';
COMMENT ON COLUMN added_figures.segment_id IS 'Which people: its codes, male:all:all:device=mobile, or the id of a named segment.';
COMMENT ON COLUMN added_figures.segment IS 'In English.';
COMMENT ON COLUMN added_figures.segment_indonesian IS 'In Indonesian.';
COMMENT ON COLUMN added_figures.named IS 'Whether it is asked for by name; then it stands in every table of its series.';
COMMENT ON COLUMN added_figures.gender IS 'male, female, not_stated, or all.';
COMMENT ON COLUMN added_figures.age IS 'An age band (25-29), an age group (under_40), or all.';
COMMENT ON COLUMN added_figures.region_code IS 'A code of the table regions, or all.';
COMMENT ON COLUMN added_figures.dimension IS 'device or product_category.';
COMMENT ON COLUMN added_figures.value IS 'mobile, desktop, tablet or other; of product_category an interest or other. A person has that of the first counted visit of the period.';
COMMENT ON COLUMN added_figures.status IS 'published or suppressed; suppressed says nothing about the size.';
COMMENT ON COLUMN added_figures.people IS 'How many different people; null where suppressed.';
COMMENT ON COLUMN added_figures.people_least IS 'The true number of people is at least this; null where suppressed.';
COMMENT ON COLUMN added_figures.people_most IS 'The true number of people is at most this; null where suppressed.';
COMMENT ON COLUMN added_figures.rounding IS 'people is a multiple of this.';
