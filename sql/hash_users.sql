-- Canonical user ids as keyed hashes. Canonical: trimmed, lower case, an all-digit id without
-- leading zeros, so that one person is one person however the id is written. A null id is a
-- guest and stays null without a fault.
-- in:  texts(position, text)
-- out: person_key BLOB, fault VARCHAR (no_user, placeholder_user)
-- parameters: $person_key BLOB, $blanks VARCHAR (characters trimmed)
WITH trimmed AS (
    SELECT position, lower(trim(text, $blanks)) AS id
    FROM texts
),
canonical AS (
    SELECT
        position,
        CASE
            WHEN id LIKE '0%' AND regexp_full_match(id, '[0-9]+')
                THEN coalesce(nullif(ltrim(id, '0'), ''), '0')
            ELSE id
        END AS id
    FROM trimmed
),
judged AS (
    SELECT
        position,
        id,
        CASE
            WHEN id = '' THEN 'no_user'
            WHEN id IN (
                '0', '-1', 'unknown', 'null', 'none', 'nan', 'nil', 'undefined', 'anonymous',
                'n/a', 'na', '(null)', '<null>', '\n'
            ) OR trim(id, '0-{}') = '' THEN 'placeholder_user'
        END AS fault
    FROM canonical
)
SELECT
    CASE
        WHEN fault IS NULL
            THEN unhex(substr(sha256($person_key || encode(id)), 1, 32))
    END AS person_key,
    fault
FROM judged
ORDER BY position
