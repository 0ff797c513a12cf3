-- Judges the profiles of a batch, for whatever day. What cannot be mapped is not stated; how often
-- that happened is counted, the values are not kept. date_profiles.sql says what they are on a day.
-- in:  raw_rows (person_key, user_id_fault, gender, birth_date, region_code, registered_at,
--      registered_at_fault, closed_at, closed_at_fault), gender_words, regencies
--      (code, region)
-- out: row_number, fault, record_key, content, rank (latest registration first), arrival,
--      person_key, gender, region, born, birth_stated, registered_on, closed_on, as booleans the
--      warnings gender_not_mapped, region_not_mapped, and of a region that is not
--      mapped what it looks like: region_shape (without_dot: four digits; as_number:
--      written as a number, which loses digits; null: neither)
-- parameters: $content_key, $zone, $earliest, $latest, $blanks
WITH parsed AS (
    SELECT
        *,
        nullif(lower(trim(gender, $blanks)), '') AS gender_word,
        nullif(trim(region_code, $blanks), '') AS region_text,
        nullif(trim(birth_date, $blanks), '') AS birth_text,
        CASE
            WHEN regexp_full_match(trim(birth_date, $blanks), '\d{4}-\d{2}-\d{2}')
                THEN try_cast(trim(birth_date, $blanks) AS DATE)
        END AS born,
        CAST(registered_at AT TIME ZONE $zone AS DATE) AS registered_on,
        CAST(closed_at AT TIME ZONE $zone AS DATE) AS closed_on
    FROM raw_rows
),
judged AS (
    SELECT
        a.*,
        g.gender AS gender_code,
        r.region AS regency,
        CASE
            WHEN a.user_id_fault IS NOT NULL THEN 'user_id ' || a.user_id_fault
            WHEN a.person_key IS NULL THEN 'user_id no_user'
            WHEN a.registered_at_fault IS NOT NULL THEN 'registered_at ' || a.registered_at_fault
            WHEN a.registered_at IS NULL THEN 'registered_at no_time'
            WHEN a.registered_at < $earliest OR a.registered_at >= $latest
                THEN 'registered_at time_range'
            WHEN a.closed_at_fault IS NOT NULL THEN 'closed_at ' || a.closed_at_fault
            WHEN a.closed_at < $earliest OR a.closed_at >= $latest THEN 'closed_at time_range'
        END AS fault
    FROM parsed AS a
    LEFT JOIN gender_words AS g ON g.word = a.gender_word
    LEFT JOIN regencies AS r ON r.code = a.region_text
)
SELECT
    row_number,
    fault,
    person_key AS record_key,
    unhex(substr(sha256(
        $content_key || encode(concat_ws(
            chr(31),
            coalesce(gender_word, ''), coalesce(region_text, ''), coalesce(birth_text, ''),
            epoch_us(registered_at), coalesce(CAST(epoch_us(closed_at) AS VARCHAR), '')
        ))
    ), 1, 32)) AS content,
    -epoch_us(registered_at) AS rank,
    CAST(NULL AS DATE) AS arrival,
    person_key,
    coalesce(gender_code, 'not_stated') AS gender,
    coalesce(regency, 'not_stated') AS region,
    born,
    birth_text IS NOT NULL AS birth_stated,
    registered_on,
    closed_on,
    gender_word IS NOT NULL AND gender_code IS NULL AS gender_not_mapped,
    region_text IS NOT NULL AND regency IS NULL AS region_not_mapped,
    CASE
        WHEN regency IS NOT NULL THEN NULL
        WHEN regexp_full_match(region_text, '\d{4}') THEN 'without_dot'
        WHEN regexp_full_match(region_text, '\d{1,2}[.]\d|\d{3,4}[.]0+') THEN 'as_number'
    END AS region_shape
FROM judged
