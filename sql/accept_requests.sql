-- Judges the requests of people in a batch.
-- in:  raw_rows (request_id, person_key, user_id_fault, kind, requested_at, requested_at_fault)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, person_key, kind,
--      requested_at
-- parameters: $request_key, $content_key, $earliest, $latest, $blanks
WITH parsed AS (
    SELECT
        row_number,
        person_key,
        user_id_fault,
        requested_at,
        requested_at_fault,
        nullif(trim(request_id, $blanks), '') AS id,
        trim(kind, $blanks) AS kind
    FROM raw_rows
)
SELECT
    row_number,
    CASE
        WHEN id IS NULL THEN 'request_id no_request_id'
        WHEN user_id_fault IS NOT NULL THEN 'user_id ' || user_id_fault
        WHEN person_key IS NULL THEN 'user_id no_user'
        WHEN kind IS NULL OR kind NOT IN ('access', 'correct', 'erase', 'withdraw')
            THEN 'kind not_in_domain'
        WHEN requested_at_fault IS NOT NULL THEN 'requested_at ' || requested_at_fault
        WHEN requested_at IS NULL THEN 'requested_at no_time'
        WHEN requested_at < $earliest OR requested_at >= $latest THEN 'requested_at time_range'
    END AS fault,
    unhex(substr(sha256($request_key || encode(id)), 1, 32)) AS record_key,
    unhex(substr(sha256(
        $content_key || person_key || encode(concat_ws(chr(31), kind, epoch_us(requested_at)))
    ), 1, 32)) AS content,
    epoch_us(requested_at) AS rank,
    CAST(NULL AS DATE) AS arrival,
    CAST(NULL AS VARCHAR) AS excluded,
    person_key,
    kind,
    requested_at
FROM parsed
