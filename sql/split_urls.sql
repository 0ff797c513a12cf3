-- URLs in comparable parts: `place` is host and path, host in lower case without user and
-- default port, path without trailing slash; null when the URL names no host. A tag is decoded if
-- it can be an id at all: whatever else a visitor writes there must not fail.
-- in:  urls(url)
-- out: url_number (within this result), url, place, query, utm_id, utm_campaign
WITH whole AS (
    SELECT url, split_part(trim(url), '#', 1) AS address
    FROM (SELECT DISTINCT url FROM urls WHERE url IS NOT NULL)
),
halves AS (
    SELECT
        url,
        split_part(address, '?', 1) AS location,
        substr(address, length(split_part(address, '?', 1)) + 2) AS query
    FROM whole
),
schemes AS (
    SELECT
        url,
        query,
        lower(split_part(location, '://', 1)) AS scheme,
        substr(location, nullif(strpos(location, '://'), 0) + 3) AS rest
    FROM halves
),
hosts AS (
    SELECT
        url,
        query,
        CASE scheme
            WHEN 'http' THEN regexp_replace(lower(split_part(rest, '/', 1)), '^.*@|:80$', '', 'g')
            WHEN 'https' THEN regexp_replace(lower(split_part(rest, '/', 1)), '^.*@|:443$', '', 'g')
            ELSE regexp_replace(lower(split_part(rest, '/', 1)), '^.*@', '')
        END AS host,
        rtrim(substr(rest, length(split_part(rest, '/', 1)) + 1), '/') AS path
    FROM schemes
),
tagged AS (
    SELECT
        *,
        CASE WHEN strpos(query, 'utm_id=') > 0
            THEN nullif(regexp_extract(query, '(^|&)utm_id=([^&]*)', 2), '')
        END AS id_tag,
        CASE WHEN strpos(query, 'utm_campaign=') > 0
            THEN nullif(regexp_extract(query, '(^|&)utm_campaign=([^&]*)', 2), '')
        END AS campaign_tag
    FROM hosts
)
SELECT
    row_number() OVER () AS url_number,
    url,
    CASE WHEN host <> '' THEN host || path END AS place,
    query,
    coalesce(
        url_decode(
            CASE WHEN regexp_full_match(id_tag, '([A-Za-z0-9_-]|%[2-7][0-9A-Fa-f])+') THEN id_tag END
        ),
        id_tag
    ) AS utm_id,
    coalesce(
        url_decode(
            CASE
                WHEN regexp_full_match(campaign_tag, '([A-Za-z0-9_-]|%[2-7][0-9A-Fa-f])+')
                    THEN campaign_tag
            END
        ),
        campaign_tag
    ) AS utm_campaign
FROM tagged
