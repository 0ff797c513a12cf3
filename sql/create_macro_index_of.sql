-- index_of('camp01', 'women'): the share of a segment in a campaign against its share in the audience
-- at the end of the month; 100 is the same share. every := 'day' or 'week', kind := 'interest' for others.
-- Columns: period_start, period, audience_period, status (suppressed where one of the four figures is;
-- incomplete where the audience of the month is not released), index, index_least, index_most (the true index lies between these).
CREATE MACRO index_of(wanted, wanted_segment, every := 'month', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (SELECT known_subject('audience', 'everyone') AS subject_id),
four AS (
    SELECT part.period_start, part.period, of_all.period AS audience_period,
           least(CAST(part.people AS DOUBLE) / whole.people, 1) AS share,
           least(CAST(of_all.people AS DOUBLE) / everyone.people, 1) AS share_of_audience,
           -- Large numbers are multiplied below.
           CAST(part.people_least AS HUGEINT) AS part_least,
           CAST(least(part.people_most, whole.people_least) AS HUGEINT) AS part_most,
           CAST(whole.people_least AS HUGEINT) AS whole_least,
           CAST(whole.people_most AS HUGEINT) AS whole_most,
           CAST(of_all.people_least AS HUGEINT) AS of_all_least,
           CAST(least(of_all.people_most, everyone.people_least) AS HUGEINT) AS of_all_most,
           CAST(everyone.people_least AS HUGEINT) AS everyone_least,
           CAST(everyone.people_most AS HUGEINT) AS everyone_most,
           -- least() ignores what is null.
           part.people > 0 AND whole.people > 0 AND of_all.people > 0 AND everyone.people > 0
               AS known
    FROM (FROM figures_of(wanted, wanted_segment, every := every, kind := kind)) AS part
    JOIN (FROM figures_of(wanted, 'all:all:all', every := every, kind := kind)) AS whole
      ON whole.period_start = part.period_start
    LEFT JOIN (
        FROM figures_of('everyone', wanted_segment, every := 'month', kind := 'audience')
    ) AS of_all ON of_all.period_end = last_day(part.period_end)
    LEFT JOIN (
        FROM figures_of('everyone', 'all:all:all', every := 'month', kind := 'audience')
    ) AS everyone ON everyone.period_end = of_all.period_end
)
SELECT period_start, period, audience_period,
       CASE
           WHEN audience_period IS NULL THEN 'incomplete'
           WHEN known THEN 'published'
           ELSE 'suppressed'
       END AS status,
       CASE WHEN known THEN CAST(round(100 * share / share_of_audience) AS BIGINT) END AS index,
       CASE
           WHEN known
               THEN CAST((100 * part_least * everyone_least) // (whole_most * of_all_most) AS BIGINT)
       END AS index_least,
       CASE
           WHEN known
               THEN CAST(
                   (100 * part_most * everyone_most + whole_least * of_all_least - 1)
                   // (whole_least * of_all_least) AS BIGINT
               )
       END AS index_most
FROM four
WHERE (SELECT subject_id FROM asked) IS NOT NULL
ORDER BY period_start;
COMMENT ON MACRO TABLE index_of IS 'The share of a segment in a campaign against its share in the audience of the month, 100 is the same: FROM index_of(''camp01'', ''women''); or every := ''day'', ''week'', kind := ''interest''.';
