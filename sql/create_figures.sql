-- All figures in force with the numbers of people that they stand for, and the named segments that
-- are suppressed. Those of corrected releases are in corrected_figures.
-- Inputs: incoming_figures, incoming_subjects, incoming_campaigns, releases. Columns: see the
-- comments.
CREATE TABLE figures AS
SELECT figure.release_id, released.subject_kind, figure.subject_id, about.subject,
       campaign.advertiser_id, released.period_kind, released.period, released.period_start,
       released.period_end, figure.segment_id, figure.status, figure.people,
       CASE
           WHEN figure.people - released.error > released.threshold
               THEN figure.people - released.error
           WHEN figure.people IS NOT NULL THEN released.threshold
       END AS people_least,
       figure.people + released.error AS people_most, released.rounding
FROM incoming_figures AS figure
JOIN releases AS released ON released.release_id = figure.release_id
JOIN incoming_subjects AS about
  ON about.number = released.number AND about.subject_id = figure.subject_id
LEFT JOIN incoming_campaigns AS campaign
  ON campaign.release_id = figure.release_id AND campaign.campaign_id = figure.subject_id
WHERE released.corrected_by IS NULL
-- One table after the other, so that a question about one campaign reads few row groups.
ORDER BY released.subject_kind, released.period_kind, figure.subject_id, released.period_start,
         figure.position;
COMMENT ON TABLE figures IS 'One row a figure; of a period that was corrected, the corrected one. Figures do not add up over segments, periods or subjects: people overlap. Choose one subject_kind and one period_kind.';
COMMENT ON COLUMN figures.release_id IS 'The release that it stands in.';
COMMENT ON COLUMN figures.subject_kind IS 'campaign, interest or audience: what its people have in common; see subjects.';
COMMENT ON COLUMN figures.subject_id IS 'The campaign id, the code of the interest, or everyone.';
COMMENT ON COLUMN figures.subject IS 'The name of the subject in this release.';
COMMENT ON COLUMN figures.advertiser_id IS 'Whose campaign it is; null for interests and the audience.';
COMMENT ON COLUMN figures.period_kind IS 'day, week or month. Campaigns have all three, interests weeks, the audience months.';
COMMENT ON COLUMN figures.period IS '2026-11-22, 2026-W47 or 2026-11.';
COMMENT ON COLUMN figures.period_start IS 'First day.';
COMMENT ON COLUMN figures.period_end IS 'Last day.';
COMMENT ON COLUMN figures.segment_id IS 'Which people.';
COMMENT ON COLUMN figures.status IS 'published or suppressed; neither the reason nor the size is disclosed.';
COMMENT ON COLUMN figures.people IS 'How many different people; null where suppressed.';
COMMENT ON COLUMN figures.people_least IS 'The true number of people is at least this; null where suppressed.';
COMMENT ON COLUMN figures.people_most IS 'The true number of people is at most this; null where suppressed.';
COMMENT ON COLUMN figures.rounding IS 'people is a multiple of this.';
