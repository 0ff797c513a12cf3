-- All released figures, and the named segments that are withheld.
-- Inputs: incoming_figures, incoming_campaigns, releases. Columns: see the comments.
CREATE TABLE figures AS
SELECT figure.release_id, campaign.advertiser_id, figure.campaign_id, released.period_kind,
       released.period_start, released.period_end, figure.segment_id, figure.status,
       figure.people, released.rounding
FROM incoming_figures AS figure
JOIN releases AS released ON released.release_id = figure.release_id
JOIN incoming_campaigns AS campaign
  ON campaign.release_id = figure.release_id AND campaign.campaign_id = figure.campaign_id
ORDER BY released.number, figure.campaign_id, figure.position;
COMMENT ON TABLE figures IS 'One row a figure. Figures do not add up over segments, periods or campaigns: people overlap.';
COMMENT ON COLUMN figures.release_id IS 'The release that it stands in.';
COMMENT ON COLUMN figures.advertiser_id IS 'Whose campaign it is.';
COMMENT ON COLUMN figures.campaign_id IS 'The campaign whose advertising link was accessed.';
COMMENT ON COLUMN figures.period_kind IS 'day, week or month.';
COMMENT ON COLUMN figures.period_start IS 'First day.';
COMMENT ON COLUMN figures.period_end IS 'Last day.';
COMMENT ON COLUMN figures.segment_id IS 'Which people.';
COMMENT ON COLUMN figures.status IS 'published or withheld; withheld says nothing about the size.';
COMMENT ON COLUMN figures.people IS 'How many different people; null where withheld.';
COMMENT ON COLUMN figures.rounding IS 'people is a multiple of this.';
