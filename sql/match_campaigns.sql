-- Which campaigns a URL belongs to, and how surely: by a tag with the campaign's id (capitals
-- aside), or because its place is the link's or continues below it and its query holds the link's parameters. By
-- equality of url_parts cut to the depths that links have, never by comparing each URL with each
-- link.
-- in:  url_parts, links
-- out: url_number, campaign_id, starts_on, ends_on, way (1 = utm_id, 2 = utm_campaign, 3 = link),
--      depth and parameters (the higher, the surer). Of a link: the parts of its place, and how
--      many parameters it requires. Of a tag: an earlier value of a repeated tag comes first, and
--      of ids that differ by capitals alone the one that is spelled the same; 0
WITH depths AS (
    SELECT DISTINCT depth
    FROM links
),
hosts AS (
    SELECT DISTINCT split_part(place, '/', 1) AS host
    FROM links
),
candidates AS (
    SELECT p.url_number, p.query, string_split(p.place, '/') AS parts
    FROM url_parts AS p
    JOIN hosts AS h ON h.host = split_part(p.place, '/', 1)
),
prefixes AS (
    SELECT c.url_number, c.query, array_to_string(list_slice(c.parts, 1, d.depth), '/') AS place
    FROM candidates AS c
    JOIN depths AS d ON d.depth <= len(c.parts)
),
tags AS (
    SELECT url_number, 1 AS way, utm_ids AS named, unnest(utm_ids) AS tag
    FROM url_parts
    WHERE utm_ids IS NOT NULL
    UNION ALL
    SELECT url_number, 2, utm_campaigns, unnest(utm_campaigns)
    FROM url_parts
    WHERE utm_campaigns IS NOT NULL
)
SELECT
    t.url_number,
    l.campaign_id,
    l.starts_on,
    l.ends_on,
    t.way,
    CAST(
        -2 * list_position(t.named, t.tag) - CASE WHEN l.campaign_id = t.tag THEN 0 ELSE 1 END
        AS BIGINT
    ) AS depth,
    CAST(0 AS BIGINT) AS parameters
FROM tags AS t
JOIN links AS l ON l.tag = lower(t.tag)
UNION ALL
SELECT
    p.url_number, l.campaign_id, l.starts_on, l.ends_on, 3, l.depth, len(l.parameters)
FROM prefixes AS p
JOIN links AS l ON l.place = p.place
WHERE len(l.parameters) = 0 OR list_has_all(string_split(p.query, '&'), l.parameters)
