-- Judges the campaigns of a batch. Names are what advertisers read: none may hold an e-mail
-- address, a telephone number or a 16-digit identity number.
-- in:  raw_rows (the campaign columns as text), urls split as url_parts, region_codes
--      (code, region)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, campaign_id,
--      advertiser_id, advertiser_name, campaign_name, starts_on, ends_on, target_regions, link_url
-- parameters: $content_key, $blanks, $longest_name
WITH parsed AS (
    SELECT
        row_number,
        trim(campaign_id, $blanks) AS campaign_id,
        trim(advertiser_id, $blanks) AS advertiser_id,
        trim(advertiser_name, $blanks) AS advertiser_name,
        trim(campaign_name, $blanks) AS campaign_name,
        link_url,
        CASE WHEN regexp_full_match(trim(starts_on, $blanks), '\d{4}-\d{2}-\d{2}')
            THEN try_cast(trim(starts_on, $blanks) AS DATE) END AS starts_on,
        CASE WHEN regexp_full_match(trim(ends_on, $blanks), '\d{4}-\d{2}-\d{2}')
            THEN try_cast(trim(ends_on, $blanks) AS DATE) END AS ends_on,
        string_split_regex(nullif(trim(target_regions, $blanks), ''), '\s*[;,]\s*') AS regions
    FROM raw_rows
),
targets AS (
    SELECT row_number, unnest(regions) AS code
    FROM parsed
),
regional AS (
    SELECT
        t.row_number,
        array_agg(DISTINCT r.region ORDER BY r.region) AS target_regions,
        bool_or(r.code IS NULL) AS unknown_code
    FROM targets AS t
    LEFT JOIN region_codes AS r ON r.code = t.code
    GROUP BY t.row_number
),
names AS (
    SELECT row_number, 'advertiser_name' AS name_column, advertiser_name AS name FROM parsed
    UNION ALL
    SELECT row_number, 'campaign_name', campaign_name FROM parsed
),
unfit_names AS (
    SELECT row_number, min(name_column) AS name_column
    FROM names
    WHERE
        name IS NULL
        OR length(name) NOT BETWEEN 1 AND $longest_name
        OR regexp_matches(name, '\p{Cc}')
        OR regexp_matches(name, '[^\s@]+@[^\s@]+[.][^\s@]+')
        OR regexp_matches(name, '[0-9]{9}')
        OR regexp_matches(name, '(^|[^0-9])([+]|0)[0-9]([ .()-]?[0-9]){7}')
        OR regexp_matches(name, '([0-9][ .-]?){16}')
    GROUP BY row_number
)
SELECT
    p.row_number,
    CASE
        WHEN NOT coalesce(
            regexp_full_match(p.campaign_id, '[A-Za-z0-9][A-Za-z0-9_-]{0,63}'), FALSE
        ) THEN 'campaign_id not_in_domain'
        WHEN NOT coalesce(
            regexp_full_match(p.advertiser_id, '[A-Za-z0-9][A-Za-z0-9_-]{0,63}'), FALSE
        ) THEN 'advertiser_id not_in_domain'
        WHEN n.name_column IS NOT NULL THEN n.name_column || ' not_in_domain'
        WHEN u.place IS NULL THEN 'link_url bad_url'
        WHEN p.starts_on IS NULL THEN 'starts_on bad_date'
        WHEN p.ends_on IS NULL THEN 'ends_on bad_date'
        WHEN p.ends_on < p.starts_on THEN 'ends_on date_range'
        WHEN r.unknown_code THEN 'target_regions not_in_domain'
    END AS fault,
    encode(p.campaign_id) AS record_key,
    unhex(substr(sha256($content_key || encode(concat_ws(
        chr(31), p.advertiser_id, p.advertiser_name, p.campaign_name, trim(p.link_url),
        p.starts_on, p.ends_on, coalesce(array_to_string(r.target_regions, ';'), '')
    ))), 1, 32)) AS content,
    CAST(0 AS BIGINT) AS rank,
    CAST(NULL AS DATE) AS arrival,
    CAST(NULL AS VARCHAR) AS excluded,
    p.campaign_id,
    p.advertiser_id,
    p.advertiser_name,
    p.campaign_name,
    p.starts_on,
    p.ends_on,
    r.target_regions,
    p.link_url
FROM parsed AS p
LEFT JOIN unfit_names AS n ON n.row_number = p.row_number
LEFT JOIN url_parts AS u ON u.url = p.link_url
LEFT JOIN regional AS r ON r.row_number = p.row_number
