-- Judges the consent decisions of a batch. Every decision is kept; a row that stands twice is a
-- duplicate.
-- in:  raw_rows (person_key, user_id_fault, purpose, granted, decided_at, decided_at_fault)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, person_key, purpose,
--      granted, decided_at
-- parameters: $content_key, $earliest, $latest, $blanks
WITH parsed AS (
    SELECT
        row_number,
        person_key,
        user_id_fault,
        decided_at,
        decided_at_fault,
        trim(purpose, $blanks) AS purpose,
        CASE lower(trim(granted, $blanks))
            WHEN 'true' THEN TRUE
            WHEN 'false' THEN FALSE
        END AS granted
    FROM raw_rows
),
hashed AS (
    SELECT
        *,
        unhex(substr(sha256(
            $content_key || person_key
            || encode(concat_ws(chr(31), purpose, granted, epoch_us(decided_at)))
        ), 1, 32)) AS content
    FROM parsed
)
SELECT
    row_number,
    CASE
        WHEN user_id_fault IS NOT NULL THEN 'user_id ' || user_id_fault
        WHEN person_key IS NULL THEN 'user_id no_user'
        WHEN
            purpose IS NULL
            OR purpose NOT IN ('use', 'disclosure', 'advertising_cookies', 'marketing')
            THEN 'purpose not_in_domain'
        WHEN granted IS NULL THEN 'granted not_in_domain'
        WHEN decided_at_fault IS NOT NULL THEN 'decided_at ' || decided_at_fault
        WHEN decided_at IS NULL THEN 'decided_at no_time'
        WHEN decided_at < $earliest OR decided_at >= $latest THEN 'decided_at time_range'
    END AS fault,
    content AS record_key,
    content,
    epoch_us(decided_at) AS rank,
    CAST(NULL AS DATE) AS arrival,
    CAST(NULL AS VARCHAR) AS excluded,
    person_key,
    purpose,
    granted,
    decided_at
FROM hashed
