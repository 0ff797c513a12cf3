-- Judges the requests of people in a batch.
-- A withdrawal or an erasure is never lost to a bad id or time: without a sound time it is in
-- force whatever was decided since, as of $latest. Requests that share an id but differ all stand.
-- in:  raw_rows (request_id, person_key, user_id_fault, kind, requested_at, requested_at_fault)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, undated, person_key, kind,
--      requested_at
-- parameters: $request_key, $content_key, $earliest, $latest, $blanks
WITH parsed AS (
    SELECT
        row_number,
        person_key,
        user_id_fault,
        requested_at,
        coalesce(requested_at < $earliest OR requested_at >= $latest, TRUE) AS undated,
        requested_at_fault,
        coalesce(trim(request_id, $blanks), '') AS id,
        trim(kind, $blanks) AS kind,
        coalesce(trim(kind, $blanks) IN ('erase', 'withdraw'), FALSE) AS objects
    FROM raw_rows
),
dated AS (
    SELECT
        *,
        CASE WHEN objects AND undated THEN $latest ELSE requested_at END AS in_force,
        unhex(substr(sha256(
            $content_key || coalesce(person_key, encode(''))
            || encode(concat_ws(
                chr(31),
                id,
                kind,
                CAST(CASE WHEN objects AND undated THEN 0 ELSE epoch_us(requested_at) END AS VARCHAR)
            ))
        ), 1, 32)) AS content
    FROM parsed
)
SELECT
    row_number,
    CASE
        WHEN user_id_fault IS NOT NULL THEN 'user_id ' || user_id_fault
        WHEN person_key IS NULL THEN 'user_id no_user'
        WHEN kind IS NULL OR kind NOT IN ('access', 'correct', 'erase', 'withdraw')
            THEN 'kind not_in_domain'
        WHEN objects THEN NULL
        WHEN id = '' THEN 'request_id no_request_id'
        WHEN requested_at_fault IS NOT NULL THEN 'requested_at ' || requested_at_fault
        WHEN requested_at IS NULL THEN 'requested_at no_time'
        WHEN undated THEN 'requested_at time_range'
    END AS fault,
    unhex(substr(sha256($request_key || content), 1, 32)) AS record_key,
    content,
    CAST(0 AS BIGINT) AS rank,
    CAST(NULL AS DATE) AS arrival,
    CAST(NULL AS VARCHAR) AS excluded,
    objects AND undated AS undated,
    person_key,
    kind,
    in_force AS requested_at
FROM dated
