-- URLs in comparable parts: `place` is host and path without trailing slash, null when the URL
-- names no host. All values of a repeated tag are kept: one of them may be a campaign's.
-- in:  urls(url, canonical): each URL once, with its one form (addresses.py)
-- out: url_number (within this result), url, place, query, utm_ids VARCHAR[] and
--      utm_campaigns VARCHAR[] in the order of the URL, without empty ones; null = none
WITH halves AS (
    SELECT
        url,
        split_part(split_part(canonical, '#', 1), '?', 1) AS location,
        split_part(canonical, '#', 1) AS address
    FROM urls
),
parts AS (
    SELECT
        url,
        rtrim(substr(location, nullif(strpos(location, '://'), 0) + 3), '/') AS place,
        substr(address, length(location) + 2) AS query
    FROM halves
),
tagged AS (
    SELECT *, strpos(lower(query), 'utm_') > 0 AS tagged
    FROM parts
)
SELECT
    row_number() OVER () AS url_number,
    url,
    CASE WHEN place <> '' AND place NOT LIKE '/%' THEN place END AS place,
    query,
    CASE WHEN tagged
        THEN nullif(regexp_extract_all(query, '(?i)(?:^|&)utm_id=([^&]+)', 1), [])
    END AS utm_ids,
    CASE WHEN tagged
        THEN nullif(regexp_extract_all(query, '(?i)(?:^|&)utm_campaign=([^&]+)', 1), [])
    END AS utm_campaigns
FROM tagged
