-- The accepted campaigns, each with the others whose link contains its own: same host, the path
-- the same or a folder above, no query that its own link lacks. Who follows its link accesses
-- those too.
-- in:  accepted_campaigns (select_campaigns.sql), links
-- out: the columns of accepted_campaigns, inside VARCHAR[] (sorted, may be empty)
WITH hosted AS (
    SELECT campaign_id, split_part(place, '/', 1) AS host, place || '/' AS folder, parameters
    FROM links
),
nested AS (
    SELECT i.campaign_id, array_agg(DISTINCT o.campaign_id ORDER BY o.campaign_id) AS inside
    FROM hosted AS i
    JOIN hosted AS o ON o.host = i.host
    WHERE
        o.campaign_id <> i.campaign_id
        AND starts_with(i.folder, o.folder)
        AND (len(o.parameters) = 0 OR list_has_all(i.parameters, o.parameters))
    GROUP BY i.campaign_id
)
SELECT c.*, coalesce(n.inside, CAST([] AS VARCHAR[])) AS inside
FROM accepted_campaigns AS c
LEFT JOIN nested AS n ON n.campaign_id = c.campaign_id
ORDER BY c.campaign_id
