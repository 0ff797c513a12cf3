-- What a URL says on the day: the campaigns that it accesses, or what is wrong with it.
-- A campaign id contradicts the link when none of the link's advertisers owns that campaign;
-- two ids of different advertisers contradict each other. Dates do not excuse a contradiction.
-- in:  places, links, matches
-- out: url, url_number, fault (bad_url, unknown_campaign, campaign_conflict), campaign_ids VARCHAR[]
-- parameters: $day
WITH owned AS (
    SELECT DISTINCT url_number, advertiser_id
    FROM matches
    WHERE NOT by_id
),
contradicting AS (
    SELECT m.url_number
    FROM matches AS m
    WHERE
        m.by_id
        AND EXISTS (SELECT 1 FROM owned AS o WHERE o.url_number = m.url_number)
        AND NOT EXISTS (
            SELECT 1
            FROM owned AS o
            WHERE o.url_number = m.url_number AND o.advertiser_id = m.advertiser_id
        )
    UNION
    SELECT url_number
    FROM matches
    WHERE by_id
    GROUP BY url_number
    HAVING min(advertiser_id) <> max(advertiser_id)
),
running AS (
    SELECT url_number, array_agg(DISTINCT campaign_id ORDER BY campaign_id) AS campaign_ids
    FROM matches
    WHERE starts_on <= $day AND ends_on >= $day
    GROUP BY url_number
)
SELECT
    p.url,
    p.url_number,
    CASE
        WHEN p.place IS NULL THEN 'bad_url'
        WHEN p.utm_id IS NOT NULL AND k.campaign_id IS NULL THEN 'unknown_campaign'
        WHEN c.url_number IS NOT NULL THEN 'campaign_conflict'
    END AS fault,
    coalesce(r.campaign_ids, CAST([] AS VARCHAR[])) AS campaign_ids
FROM places AS p
LEFT JOIN links AS k ON k.campaign_id = p.utm_id
LEFT JOIN contradicting AS c ON c.url_number = p.url_number
LEFT JOIN running AS r ON r.url_number = p.url_number
