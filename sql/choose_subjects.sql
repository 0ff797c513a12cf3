-- The one subject for which a visit counts, by the region of its person: the first of the visit's
-- subjects whose target contains the region. So targets never make a second count of a visit.
-- in:  tallied (subjects joined by chr(31), in order), targets (subject_id, region)
-- out: subjects, region, subject_id
WITH sets AS (
    SELECT subjects, unnest(string_split(subjects, chr(31))) AS subject_id
    FROM (SELECT DISTINCT subjects FROM tallied WHERE subjects <> '')
),
placed AS (
    SELECT
        s.subjects,
        t.region,
        s.subject_id,
        row_number() OVER (
            PARTITION BY s.subjects, t.region
            ORDER BY strpos(
                chr(31) || s.subjects || chr(31), chr(31) || s.subject_id || chr(31)
            )
        ) AS place
    FROM sets AS s
    JOIN targets AS t ON t.subject_id = s.subject_id
)
SELECT subjects, region, subject_id
FROM placed
WHERE place = 1
