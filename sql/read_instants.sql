-- Times in ISO 8601 as instants. Never the zone of the machine: without a zone in the text it
-- is the policy's, or a fault. Bare numbers (seconds? milliseconds?) are not guessed at.
-- in:  texts(position, text)
-- out: instant TIMESTAMPTZ, fault VARCHAR (bad_time, naive_time, time_range)
-- parameters: $zone, $naive (quarantine | policy_zone), $blanks (characters trimmed)
WITH trimmed AS (
    SELECT position, nullif(trim(text, $blanks), '') AS text
    FROM texts
),
recognised AS (
    SELECT
        position,
        text,
        CASE
            WHEN text IS NULL THEN 'absent'
            WHEN regexp_full_match(
                text,
                '\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?(Z|[+-]\d{2}(:?\d{2})?)'
            ) THEN 'zoned'
            WHEN regexp_full_match(
                text, '\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}([.]\d{1,9})?)?)?'
            ) THEN 'naive'
            WHEN regexp_full_match(text, '[+-]?\d+([.]\d+)?') THEN 'number'
            ELSE 'other'
        END AS form
    FROM trimmed
),
converted AS (
    SELECT
        position,
        form,
        CASE
            WHEN form = 'zoned' THEN try_cast(text AS TIMESTAMPTZ)
            WHEN form = 'naive' AND $naive = 'policy_zone'
                THEN try_cast(text AS TIMESTAMP) AT TIME ZONE $zone
        END AS instant
    FROM recognised
)
SELECT
    instant,
    CASE
        WHEN instant IS NOT NULL OR form = 'absent' THEN NULL
        WHEN form = 'number' THEN 'time_range'
        WHEN form = 'naive' AND $naive = 'quarantine' THEN 'naive_time'
        ELSE 'bad_time'
    END AS fault
FROM converted
ORDER BY position
