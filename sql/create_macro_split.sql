-- split('camp01', '2026-11-22', dimension := 'gender'): the people of a subject in a period, each in one row:
-- the segments of one level, and a last row for everyone who is in no published one of them.
-- Columns: period, segment_id (null in the last row), segment, status (published, suppressed, rest),
-- people, people_least, people_most (of suppressed ones null: they are in the rest).
CREATE MACRO split(wanted, some_day, dimension := 'gender', every := 'day', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (
    SELECT CASE
        WHEN EXISTS (FROM catalogue WHERE disjoint AND level = dimension) THEN dimension
        ELSE error(concat('no split by ''', dimension, ''': SELECT DISTINCT level FROM catalogue WHERE disjoint lists them; age groups and areas overlap'))
    END AS level
),
answers AS MATERIALIZED (FROM all_segments(wanted, some_day, every := every, kind := kind)),
parts AS (
    SELECT answer.*
    FROM asked JOIN answers AS answer ON answer.level = asked.level
    WHERE answer.disjoint
),
rest AS (
    SELECT any_value(whole.period) AS period, max(whole.people_least) AS least,
           max(whole.people_most) AS most,
           (SELECT coalesce(sum(people_least), 0) FROM parts) AS parts_least,
           (SELECT coalesce(sum(people_most), 0) FROM parts) AS parts_most,
           (SELECT count(*) = count(people) AND bool_and(region_code = 'all') FROM parts) AS complete
    FROM answers AS whole
    WHERE whole.level = 'total'
)
SELECT period, segment_id, segment, status, people, people_least, people_most
FROM (
    SELECT period, segment_id, segment, status, people, people_least, people_most, 1 AS place
    FROM parts
    UNION ALL
    SELECT period, NULL, 'everyone else', 'rest', NULL,
           -- greatest() ignores what is null.
           CASE WHEN complete THEN 0 WHEN least > parts_most THEN least - parts_most
                WHEN least IS NOT NULL THEN 0 END,
           CASE WHEN complete THEN 0 WHEN most > parts_least THEN most - parts_least
                WHEN most IS NOT NULL THEN 0 END, 2
    FROM rest
) AS everyone
ORDER BY place, people DESC NULLS LAST, segment_id;
COMMENT ON MACRO TABLE split IS 'The people of a campaign on a day, each in one row: FROM split(''camp01'', ''2026-11-22'', dimension := ''gender''); dimension is a level of catalogue such as age band, province, gender x age band. The last row bounds everyone who is in no published segment.';
