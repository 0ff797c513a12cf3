-- Which campaigns a URL belongs to: its place is the link's or continues below it, and its
-- query holds the link's parameters; or it carries the campaign's id. By equality of places cut
-- to the depths that links have, never by comparing each URL with each link.
-- in:  places, links
-- out: url_number, campaign_id, advertiser_id, starts_on, ends_on, by_id BOOLEAN
WITH depths AS (
    SELECT DISTINCT len(string_split(place, '/')) AS depth
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
named AS (
    SELECT url_number, utm_id AS campaign_id FROM places WHERE utm_id IS NOT NULL
    UNION
    SELECT url_number, utm_campaign FROM places WHERE utm_campaign IS NOT NULL
)
SELECT p.url_number, l.campaign_id, l.advertiser_id, l.starts_on, l.ends_on, FALSE AS by_id
FROM prefixes AS p
JOIN links AS l ON l.place = p.place
WHERE len(l.parameters) = 0 OR list_has_all(string_split(p.query, '&'), l.parameters)
UNION ALL
SELECT n.url_number, l.campaign_id, l.advertiser_id, l.starts_on, l.ends_on, TRUE
FROM named AS n
JOIN links AS l ON l.campaign_id = n.campaign_id
