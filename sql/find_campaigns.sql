-- Campaigns that a reader may see, those of the newest period first.
-- Inputs: campaigns, advertisers, released_tables of the analysts' database.
-- Columns: campaign_id, campaign, advertiser_id, advertiser, starts_on, ends_on, newest (last day of
-- the newest released period; null where none is in force), found (how many there are in all).
-- Parameters: $advertisers (a list of ids, null for all), $name (a part of the name or of the id in
-- any capitals, null for all), $most (how many rows), $after (how many rows come before).
WITH seen AS (
    SELECT about.campaign_id, about.campaign, about.advertiser_id, owner.advertiser,
           about.starts_on, about.ends_on
    FROM campaigns AS about
    JOIN advertisers AS owner ON owner.advertiser_id = about.advertiser_id
    WHERE ($advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), about.advertiser_id))
      AND ($name IS NULL OR contains(lower(about.campaign), lower($name))
           OR contains(lower(about.campaign_id), lower($name)))
),
last_periods AS (
    SELECT subject_id, max(period_end) AS newest
    FROM released_tables
    WHERE subject_kind = 'campaign'
    GROUP BY subject_id
)
SELECT seen.campaign_id, seen.campaign, seen.advertiser_id, seen.advertiser, seen.starts_on,
       seen.ends_on, last_periods.newest, count(*) OVER () AS found
FROM seen
LEFT JOIN last_periods ON last_periods.subject_id = seen.campaign_id
ORDER BY last_periods.newest DESC NULLS LAST, seen.campaign, seen.campaign_id
LIMIT $most OFFSET $after
