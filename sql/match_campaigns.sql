-- Which campaigns a URL belongs to, and how surely: by a tag with the campaign's id, or because
-- its place is the link's or continues below it and its query holds the link's parameters. By
-- equality of places cut to the depths that links have, never by comparing each URL with each
-- link.
-- in:  places, links
-- out: url_number, campaign_id, starts_on, ends_on, way (1 = utm_id, 2 = utm_campaign, 3 = link),
--      depth (parts of the link's place), parameters (how many the link requires); 0 for tags
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
    FROM places AS p
    JOIN hosts AS h ON h.host = split_part(p.place, '/', 1)
),
prefixes AS (
    SELECT c.url_number, c.query, array_to_string(list_slice(c.parts, 1, d.depth), '/') AS place
    FROM candidates AS c
    JOIN depths AS d ON d.depth <= len(c.parts)
),
tags AS (
    SELECT url_number, utm_id AS campaign_id, 1 AS way FROM places WHERE utm_id IS NOT NULL
    UNION ALL
    SELECT url_number, utm_campaign, 2 FROM places WHERE utm_campaign IS NOT NULL
)
SELECT
    t.url_number, l.campaign_id, l.starts_on, l.ends_on, t.way,
    CAST(0 AS BIGINT) AS depth, CAST(0 AS BIGINT) AS parameters
FROM tags AS t
JOIN links AS l ON l.campaign_id = t.campaign_id
UNION ALL
SELECT
    p.url_number, l.campaign_id, l.starts_on, l.ends_on, 3, l.depth, len(l.parameters)
FROM prefixes AS p
JOIN links AS l ON l.place = p.place
WHERE len(l.parameters) = 0 OR list_has_all(string_split(p.query, '&'), l.parameters)
