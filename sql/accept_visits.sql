-- Judges the visits of a batch. `excluded`: the row is sound but not of this day (`late`: its
-- own day is released already). URL, user agent and ids end here.
-- in:  raw_rows (visit_id, person_key, user_id_fault, occurred_at, occurred_at_fault, url,
--      user_agent), judged_urls, program_words
-- out: row_number, fault ('column reason', null = sound), record_key, content, rank, arrival,
--      excluded, person_key, campaign_ids, program
-- parameters: $visit_key, $content_key, $day, $zone, $arrival, $arrival_end, $late_before,
--             $earliest, $blanks
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
timed AS (
    SELECT
        *,
        nullif(trim(visit_id, $blanks), '') AS id,
        CAST(occurred_at AT TIME ZONE $zone AS DATE) AS local_day
    FROM raw_rows
),
judged AS (
    SELECT
        r.*,
        u.campaign_ids,
        p.user_agent IS NOT NULL AS program,
        CASE
            WHEN r.id IS NULL THEN 'visit_id no_visit_id'
            WHEN r.user_id_fault IS NOT NULL THEN 'user_id ' || r.user_id_fault
            WHEN r.occurred_at_fault IS NOT NULL THEN 'occurred_at ' || r.occurred_at_fault
            WHEN r.occurred_at IS NULL THEN 'occurred_at no_time'
            WHEN r.occurred_at < $earliest OR r.occurred_at >= $arrival_end
                THEN 'occurred_at time_range'
            WHEN trim(coalesce(r.url, ''), $blanks) = '' THEN 'url no_url'
            WHEN u.fault IS NOT NULL THEN 'url ' || u.fault
        END AS fault,
        CASE
            WHEN r.local_day = $day THEN NULL
            WHEN r.local_day < $late_before AND $arrival = $day THEN 'late'
            ELSE 'other_day'
        END AS excluded
    FROM timed AS r
    LEFT JOIN judged_urls AS u ON u.url = r.url
    LEFT JOIN programs AS p ON p.user_agent = r.user_agent
)
SELECT
    row_number,
    fault,
    unhex(substr(sha256($visit_key || encode(id)), 1, 32)) AS record_key,
    unhex(substr(sha256(
        $content_key || coalesce(person_key, encode('guest'))
        || encode(concat_ws(chr(31), epoch_us(occurred_at), trim(url), coalesce(user_agent, '')))
    ), 1, 32)) AS content,
    epoch_us(occurred_at) AS rank,
    CAST($arrival AS DATE) AS arrival,
    excluded,
    CASE WHEN excluded IS NULL THEN person_key END AS person_key,
    CASE WHEN excluded IS NULL THEN campaign_ids END AS campaign_ids,
    program
FROM judged
