-- The advertisers, under the name of their newest release.
-- Input: incoming_campaigns. Columns: see the comments.
CREATE TABLE advertisers AS
SELECT advertiser_id, advertiser
FROM (
    SELECT advertiser_id, advertiser,
           row_number() OVER (PARTITION BY advertiser_id ORDER BY number DESC, campaign_id) AS newest
    FROM incoming_campaigns
) AS ranked
WHERE newest = 1
ORDER BY advertiser_id;
COMMENT ON TABLE advertisers IS 'One row an advertiser with a released campaign.';
COMMENT ON COLUMN advertisers.advertiser_id IS 'Identifies the advertiser.';
COMMENT ON COLUMN advertisers.advertiser IS 'Its name.';
