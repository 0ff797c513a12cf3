-- The advertising links of accepted campaigns, in comparable parts.
-- in:  standing (campaigns), url_parts (split_urls.sql of their links)
-- out: campaign_id, tag (the id in lower case), starts_on, ends_on, place, depth (parts of the place),
--      parameters VARCHAR[] (what a visit's query must hold, each once; utm_* aside)
SELECT
    c.campaign_id,
    lower(c.campaign_id) AS tag,
    c.starts_on,
    c.ends_on,
    p.place,
    len(string_split(p.place, '/')) AS depth,
    (
        SELECT coalesce(array_agg(DISTINCT q.parameter), CAST([] AS VARCHAR[]))
        FROM (SELECT unnest(string_split(p.query, '&')) AS parameter) AS q
        WHERE q.parameter <> '' AND lower(q.parameter) NOT LIKE 'utm\_%' ESCAPE '\'
    ) AS parameters
FROM standing AS c
JOIN url_parts AS p ON p.url = c.link_url
