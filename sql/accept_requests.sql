-- Judges the requests of people in a batch.
-- A withdrawal or an erasure is never lost to a bad id or time: without a sound time it is in
-- force whatever was decided since, as of $latest. Requests that share an id but differ all stand.
-- A request without a sound kind or time, or in a row with a fault of its own, is unread: it may
-- be an objection. Of these, those with a person_key act against that person.
-- in:  raw_rows (request_id, person_key, user_id_fault, kind, requested_at, requested_at_fault,
--      row_fault), request_words (word, meaning)
-- out: row_number, fault, record_key, content, rank, arrival, excluded, undated, person_key, kind,
--      requested_at
-- parameters: $request_key, $content_key, $earliest, $latest, $blanks
WITH parsed AS (
    SELECT
        r.row_number,
        r.row_fault,
        r.person_key,
        r.user_id_fault,
        r.requested_at,
        coalesce(r.requested_at < $earliest OR r.requested_at >= $latest, TRUE) AS undated,
        r.requested_at_fault,
        coalesce(trim(r.request_id, $blanks), '') AS id,
        w.meaning AS kind,
        coalesce(w.meaning IN ('erase', 'withdraw'), FALSE) AS objects
    FROM raw_rows AS r
    LEFT JOIN request_words AS w ON w.word = r.kind
),
dated AS (
    SELECT
        *,
        CASE WHEN undated THEN $latest ELSE requested_at END AS in_force,
        unhex(substr(sha256(
            $content_key || coalesce(person_key, encode(''))
            || encode(concat_ws(
                chr(31),
                id,
                kind,
                CAST(CASE WHEN undated THEN 0 ELSE epoch_us(requested_at) END AS VARCHAR)
            ))
        ), 1, 32)) AS content
    FROM parsed
)
SELECT
    row_number,
    CASE
        WHEN person_key IS NULL AND row_fault IS NOT NULL THEN row_fault
        WHEN user_id_fault IS NOT NULL THEN 'user_id ' || user_id_fault
        WHEN person_key IS NULL THEN 'user_id no_user'
        WHEN objects THEN NULL
        WHEN row_fault IS NOT NULL THEN row_fault
        WHEN kind IS NULL THEN 'kind not_in_domain'
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
