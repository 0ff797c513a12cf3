-- The one campaign that a visit to a URL accesses on a day: the one that its utm_id names, else
-- its utm_campaign, else the one with the longest link; each only if it runs on the day. Links
-- that are equally long are a tie: their campaigns stay together, and counting chooses.
-- in:  matches, url_parts, raw_rows (url, occurred_at)
-- out: url_number, local_day ($day, and the days of late visits), campaign_ids VARCHAR[] (ordered
--      by first day and id, never empty)
-- parameters: $day, $zone, $arrival, $late_before
WITH late AS (
    SELECT DISTINCT url, CAST(occurred_at AT TIME ZONE $zone AS DATE) AS local_day
    FROM raw_rows
    WHERE $arrival = $day AND CAST(occurred_at AT TIME ZONE $zone AS DATE) < $late_before
),
days AS (
    SELECT DISTINCT url_number, CAST($day AS DATE) AS local_day FROM matches
    UNION
    SELECT p.url_number, l.local_day
    FROM late AS l
    JOIN url_parts AS p ON p.url = l.url
),
ranked AS (
    SELECT
        d.url_number,
        d.local_day,
        m.campaign_id,
        m.starts_on,
        rank() OVER (
            PARTITION BY d.url_number, d.local_day
            ORDER BY m.way, m.depth DESC, m.parameters DESC
        ) AS place
    FROM days AS d
    JOIN matches AS m ON m.url_number = d.url_number
    WHERE d.local_day BETWEEN m.starts_on AND m.ends_on
)
SELECT
    url_number,
    local_day,
    array_agg(campaign_id ORDER BY starts_on, campaign_id) AS campaign_ids
FROM ranked
WHERE place = 1
GROUP BY url_number, local_day
