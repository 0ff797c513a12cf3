-- Campaigns that a reader may see, those of the newest period first. One that changed its advertiser
-- is named as in the newest release that the reader may see.
-- Inputs: campaigns, advertisers, released_tables, releases of the analysts' database.
-- Columns: campaign_id, campaign, advertiser_id, advertiser, starts_on, ends_on (null where the
-- newest advertiser of the campaign is another one), newest (last day of the newest released period;
-- null where none is in force), found (how many there are in all), last_release (the number of the
-- newest release that counts), newest_number (newest as YYYYMMDD, 0 for none), mark (of the id).
-- Parameters: $advertisers (a list of ids, null for all), $name (a part of the name or of the id in
-- any capitals, null for all), $most (how many rows), $after (how many rows come before),
-- $out_of_force (ids of the releases whose figures may not be used), $in_turn (whether rows of one
-- day are in the order of their marks instead of their names), $until (only releases up to this
-- number count, null for all), $after_number and $after_mark (only what comes after this row in
-- turn, null for all).
WITH named AS (
    SELECT released.subject_id AS campaign_id, released.subject AS campaign, released.advertiser_id,
           released.period_end, stated.number
    FROM released_tables AS released
    JOIN releases AS stated ON stated.release_id = released.release_id
    WHERE released.subject_kind = 'campaign'
      AND NOT list_contains(CAST($out_of_force AS VARCHAR[]), released.release_id)
      AND ($until IS NULL OR stated.number <= $until)
      AND ($advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), released.advertiser_id))
    UNION ALL
    SELECT about.campaign_id, about.campaign, about.advertiser_id, NULL, 0  -- no table in force
    FROM campaigns AS about
    WHERE ($advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), about.advertiser_id))
),
ranked AS (
    SELECT campaign_id, campaign, advertiser_id,
           max(period_end) OVER (PARTITION BY campaign_id) AS newest,
           row_number() OVER (PARTITION BY campaign_id ORDER BY number DESC) AS place
    FROM named
),
seen AS (
    SELECT one.campaign_id, one.campaign, one.advertiser_id, owner.advertiser, about.starts_on,
           about.ends_on, one.newest, substr(sha256(one.campaign_id), 1, 32) AS mark,
           coalesce(extract(YEAR FROM one.newest) * 10000 + extract(MONTH FROM one.newest) * 100
                    + extract(DAY FROM one.newest), 0) AS newest_number
    FROM ranked AS one
    JOIN advertisers AS owner ON owner.advertiser_id = one.advertiser_id
    LEFT JOIN campaigns AS about
      ON about.campaign_id = one.campaign_id AND about.advertiser_id = one.advertiser_id
    WHERE one.place = 1
      AND ($name IS NULL OR contains(lower(one.campaign), lower($name))
           OR contains(lower(one.campaign_id), lower($name)))
)
SELECT campaign_id, campaign, advertiser_id, advertiser, starts_on, ends_on, newest,
       count(*) OVER () AS found, newest_number, mark,
       coalesce($until, (SELECT max(number) FROM releases)) AS last_release
FROM seen
WHERE $after_number IS NULL OR newest_number < $after_number
   OR (newest_number = $after_number AND mark > $after_mark)
ORDER BY newest_number DESC, CASE WHEN $in_turn THEN mark ELSE campaign END, campaign_id
LIMIT $most OFFSET $after
