-- The campaigns, with the facts of their newest release.
-- Input: incoming_campaigns. Columns: see the comments.
CREATE TABLE campaigns AS
SELECT campaign_id, campaign, advertiser_id, starts_on, ends_on, target_regions
FROM (
    SELECT campaign_id, campaign, advertiser_id, starts_on, ends_on, target_regions,
           row_number() OVER (PARTITION BY campaign_id ORDER BY number DESC) AS newest
    FROM incoming_campaigns
) AS ranked
WHERE newest = 1
ORDER BY campaign_id;
COMMENT ON TABLE campaigns IS 'One row a campaign that stands in a release; more than subjects says of it.';
COMMENT ON COLUMN campaigns.campaign_id IS 'Identifies the campaign; the subject_id of its figures.';
COMMENT ON COLUMN campaigns.campaign IS 'Its name.';
COMMENT ON COLUMN campaigns.advertiser_id IS 'Whose campaign it is.';
COMMENT ON COLUMN campaigns.starts_on IS 'First day.';
COMMENT ON COLUMN campaigns.ends_on IS 'Last day.';
COMMENT ON COLUMN campaigns.target_regions IS 'Codes of the regions that it targets; null is everywhere.';
