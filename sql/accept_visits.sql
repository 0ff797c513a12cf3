-- Judges the visits of a batch. `excluded`: the row is sound but not of this day (`late`: its
-- own day is released already). URL, user agent, category and ids end here.
-- Where a rule divides the campaign of a visit, the visit counts for the part of its value.
-- A visit is known by its id and its person: ids of sessions, which people share, lose no person.
-- in:  raw_rows (visit_id, person_key, user_id_fault, occurred_at, occurred_at_fault, url,
--      user_agent, product_category, device), url_parts, matches,
--      accessed (choose_campaigns.sql), program_words, interest_words, part_rules (rule,
--      first_day, last_day, part_column 'device' or 'product_category', campaigns VARCHAR[],
--      null = all), part_words (rule, word, part)
-- out: row_number, fault ('column reason', null = sound), record_key, content, rank, arrival,
--      excluded, person_key, campaign_ids, program, interest (code, null = none), local_day,
--      category_not_mapped, tag_unknown (no campaign has its utm_id) BOOLEAN; of rows of other
--      days no person and no campaign
-- parameters: $visit_key, $content_key, $day, $zone, $arrival, $arrival_end, $late_before,
--             $earliest, $blanks, $other_part
WITH agents AS (
    SELECT DISTINCT user_agent
    FROM raw_rows
    WHERE user_agent IS NOT NULL
),
programs AS (
    SELECT DISTINCT a.user_agent
    FROM agents AS a
    JOIN program_words AS w ON strpos(lower(a.user_agent), w.word) > 0
),
categories AS (
    SELECT lower(trim(word, $blanks)) AS category, min(interest) AS interest
    FROM interest_words
    GROUP BY lower(trim(word, $blanks))
),
named AS (
    SELECT DISTINCT url_number
    FROM matches
    WHERE way = 1
),
timed AS (
    SELECT
        *,
        nullif(trim(visit_id, $blanks), '') AS id,
        nullif(lower(trim(product_category, $blanks)), '') AS category,
        CAST(occurred_at AT TIME ZONE $zone AS DATE) AS local_day
    FROM raw_rows
),
parted AS (
    SELECT
        r.row_number,
        p.campaigns,
        '.' || coalesce(w.part, $other_part) AS part
    FROM timed AS r
    JOIN part_rules AS p ON r.local_day BETWEEN p.first_day AND p.last_day
    LEFT JOIN part_words AS w
        ON w.rule = p.rule
        AND w.word = lower(trim(
            CASE p.part_column WHEN 'device' THEN r.device ELSE r.product_category END, $blanks
        ))
),
judged AS (
    SELECT
        r.*,
        CASE
            WHEN d.part IS NULL THEN a.campaign_ids
            ELSE list_transform(
                a.campaign_ids,
                LAMBDA id: CASE
                    WHEN d.campaigns IS NULL OR list_contains(d.campaigns, id) THEN id || d.part
                    ELSE id
                END
            )
        END AS campaign_ids,
        CASE
            WHEN len(a.campaign_ids) > 0
                AND (d.campaigns IS NULL OR list_has_any(d.campaigns, a.campaign_ids))
                THEN d.part
        END AS part,
        c.interest,
        u.utm_ids IS NOT NULL AND n.url_number IS NULL AS tag_unknown,
        p.user_agent IS NOT NULL AS program,
        CASE
            WHEN r.id IS NULL THEN 'visit_id no_visit_id'
            WHEN r.user_id_fault IS NOT NULL THEN 'user_id ' || r.user_id_fault
            WHEN r.occurred_at_fault IS NOT NULL THEN 'occurred_at ' || r.occurred_at_fault
            WHEN r.occurred_at IS NULL THEN 'occurred_at no_time'
            WHEN r.occurred_at < $earliest OR r.occurred_at >= $arrival_end
                THEN 'occurred_at time_range'
            WHEN trim(coalesce(r.url, ''), $blanks) = '' THEN 'url no_url'
            WHEN u.place IS NULL THEN 'url bad_url'
        END AS fault,
        CASE
            WHEN r.local_day = $day THEN NULL
            WHEN r.local_day < $late_before AND $arrival = $day THEN 'late'
            ELSE 'other_day'
        END AS excluded
    FROM timed AS r
    LEFT JOIN url_parts AS u ON u.url = r.url
    LEFT JOIN accessed AS a ON a.url_number = u.url_number AND a.local_day = r.local_day
    LEFT JOIN named AS n ON n.url_number = u.url_number
    LEFT JOIN programs AS p ON p.user_agent = r.user_agent
    LEFT JOIN categories AS c ON c.category = r.category
    LEFT JOIN parted AS d ON d.row_number = r.row_number
)
SELECT
    row_number,
    fault,
    unhex(substr(sha256(
        $visit_key || coalesce(person_key, encode('guest')) || encode(id)
    ), 1, 32)) AS record_key,
    unhex(substr(sha256(
        $content_key || coalesce(person_key, encode('guest'))
        || encode(concat_ws(
            chr(31),
            epoch_us(occurred_at), trim(url), coalesce(user_agent, ''), coalesce(interest, ''),
            part
        ))
    ), 1, 32)) AS content,
    epoch_us(occurred_at) AS rank,
    CAST($arrival AS DATE) AS arrival,
    excluded,
    CASE WHEN excluded IS NULL OR excluded = 'late' THEN person_key END AS person_key,
    CASE
        WHEN excluded IS NULL OR excluded = 'late'
            THEN coalesce(campaign_ids, CAST([] AS VARCHAR[]))
    END AS campaign_ids,
    program,
    interest,
    local_day,
    category IS NOT NULL AND interest IS NULL AS category_not_mapped,
    tag_unknown
FROM judged
