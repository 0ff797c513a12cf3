-- The accepted campaigns, in their fixed order.
-- in:  standing (campaigns)
-- out: campaign_id, advertiser_id, advertiser_name, campaign_name, starts_on, ends_on,
--      target_regions
SELECT
    campaign_id, advertiser_id, advertiser_name, campaign_name, starts_on, ends_on, target_regions
FROM standing
WHERE excluded IS NULL
ORDER BY campaign_id
