-- Which tables were released: a subject in a period, with or without a figure. Only those in force.
-- Inputs: incoming_subjects, incoming_campaigns, releases. Columns: see the comments.
CREATE TABLE released_tables AS
SELECT released.release_id, about.subject_kind, about.subject_id, about.subject,
       campaign.advertiser_id, released.period_kind, released.period, released.period_start,
       released.period_end
FROM incoming_subjects AS about
JOIN releases AS released ON released.number = about.number
LEFT JOIN incoming_campaigns AS campaign
  ON campaign.release_id = released.release_id AND campaign.campaign_id = about.subject_id
WHERE released.corrected_by IS NULL
ORDER BY about.subject_kind, released.period_kind, about.subject_id, released.period_start;
COMMENT ON TABLE released_tables IS 'One row a subject in a period that was released. Each segment of the catalogue has an answer there: its row in figures, or else it is suppressed.';
COMMENT ON COLUMN released_tables.release_id IS 'The release that it stands in.';
COMMENT ON COLUMN released_tables.subject_kind IS 'campaign, interest or audience.';
COMMENT ON COLUMN released_tables.subject_id IS 'The campaign id, the code of the interest, or everyone.';
COMMENT ON COLUMN released_tables.subject IS 'The name of the subject in this release.';
COMMENT ON COLUMN released_tables.advertiser_id IS 'Whose campaign it is; null for interests and the audience.';
COMMENT ON COLUMN released_tables.period_kind IS 'day, week or month.';
COMMENT ON COLUMN released_tables.period IS '2026-11-22, 2026-W47 or 2026-11.';
COMMENT ON COLUMN released_tables.period_start IS 'First day.';
COMMENT ON COLUMN released_tables.period_end IS 'Last day.';
