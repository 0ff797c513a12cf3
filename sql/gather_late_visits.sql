-- Late visits of the days that count, each once; `repeated` are those that were read before:
-- accepted in time, or another row of the same visit.
-- in:  late, visits; $first, $last (days, both included)
-- out: visit_key, person_key, campaign_ids, program, interest, local_day, repeated BOOLEAN
WITH fitting AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY visit_key
            ORDER BY local_day, person_key, array_to_string(campaign_ids, ' '), interest, program
        ) AS place
    FROM late
    WHERE local_day BETWEEN $first AND $last
),
accepted AS (
    SELECT v.visit_key
    FROM visits AS v
    WHERE v.visit_key IN (SELECT f.visit_key FROM fitting AS f)
)
SELECT
    visit_key,
    person_key,
    campaign_ids,
    program,
    interest,
    local_day,
    place > 1 OR EXISTS (SELECT 1 FROM accepted AS a WHERE a.visit_key = fitting.visit_key)
        AS repeated
FROM fitting
