-- The campaigns of the analysts' database with their advertisers and their releases.
-- Inputs: campaigns, advertisers, figures. Columns: campaign_id, campaign, advertiser_id, advertiser,
-- starts_on, ends_on, target_regions (null: everywhere), releases.
SELECT about.campaign_id, about.campaign, about.advertiser_id, owner.advertiser, about.starts_on,
       about.ends_on, about.target_regions, count(DISTINCT figure.release_id) AS releases
FROM campaigns AS about
JOIN advertisers AS owner ON owner.advertiser_id = about.advertiser_id
LEFT JOIN figures AS figure
  ON figure.subject_kind = 'campaign' AND figure.subject_id = about.campaign_id
GROUP BY about.campaign_id, about.campaign, about.advertiser_id, owner.advertiser, about.starts_on,
         about.ends_on, about.target_regions
ORDER BY about.campaign_id
