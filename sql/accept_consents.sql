-- Judges the consent decisions of a batch. Every decision is kept; a row that stands twice is a
-- duplicate.
-- A decision that cannot be read is unread: it may be a refusal. Those with a person_key act as a
-- refusal of their purpose, of every purpose if theirs is null, as of decided_at: $latest (for
-- good) where they have no sound time.
-- in:  raw_rows (person_key, user_id_fault, purpose, granted, decided_at, decided_at_fault,
--      row_fault), purpose_words, granted_words (word, meaning)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, person_key, purpose,
--      granted, decided_at
-- parameters: $content_key, $earliest, $latest
WITH parsed AS (
    SELECT
        r.row_number,
        r.row_fault,
        r.person_key,
        r.user_id_fault,
        r.decided_at,
        coalesce(r.decided_at < $earliest OR r.decided_at >= $latest, TRUE) AS undated,
        r.decided_at_fault,
        p.meaning AS purpose,
        g.meaning = 'true' AS granted
    FROM raw_rows AS r
    LEFT JOIN purpose_words AS p ON p.word = r.purpose
    LEFT JOIN granted_words AS g ON g.word = r.granted
),
hashed AS (
    SELECT
        *,
        CASE WHEN undated THEN $latest ELSE decided_at END AS in_force,
        unhex(substr(sha256(
            $content_key || person_key
            || encode(concat_ws(chr(31), purpose, granted, epoch_us(decided_at)))
        ), 1, 32)) AS content
    FROM parsed
)
SELECT
    row_number,
    CASE
        WHEN person_key IS NULL AND row_fault IS NOT NULL THEN row_fault
        WHEN user_id_fault IS NOT NULL THEN 'user_id ' || user_id_fault
        WHEN person_key IS NULL THEN 'user_id no_user'
        WHEN row_fault IS NOT NULL THEN row_fault
        WHEN purpose IS NULL THEN 'purpose not_in_domain'
        WHEN granted IS NULL THEN 'granted not_in_domain'
        WHEN decided_at_fault IS NOT NULL THEN 'decided_at ' || decided_at_fault
        WHEN decided_at IS NULL THEN 'decided_at no_time'
        WHEN undated THEN 'decided_at time_range'
    END AS fault,
    content AS record_key,
    content,
    epoch_us(decided_at) AS rank,
    CAST(NULL AS DATE) AS arrival,
    CAST(NULL AS VARCHAR) AS excluded,
    person_key,
    purpose,
    granted,
    in_force AS decided_at
FROM hashed
