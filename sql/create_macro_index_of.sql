-- index_of('camp01', 'women'): the share of a segment in a campaign against its share in the audience
-- at the end of the month; 100 is the same share. every := 'day' or 'week', kind := 'interest' for others.
-- Columns: period_start, period, audience_period, status (suppressed where one of the four figures is;
-- incomplete where the audience of the month is not released), index, index_least, index_most (the true index lies between these).
CREATE MACRO index_of(wanted, wanted_segment, every := 'month', kind := 'campaign') AS TABLE
SELECT part.period_start, part.period, of_all.period AS audience_period,
       CASE
           WHEN of_all.period IS NULL THEN 'incomplete'
           WHEN part.people > 0 AND whole.people > 0 AND of_all.people > 0 AND everyone.people > 0
               THEN 'published'
           ELSE 'suppressed'
       END AS status,
       CAST(round(100.0 * part.people * everyone.people / (whole.people * of_all.people)) AS BIGINT)
           AS index,
       CAST((100 * CAST(part.people_least AS HUGEINT) * everyone.people_least)
            // (CAST(whole.people_most AS HUGEINT) * least(of_all.people_most, everyone.people_least))
            AS BIGINT) AS index_least,
       CAST((100 * CAST(least(part.people_most, whole.people_least) AS HUGEINT) * everyone.people_most
             + CAST(whole.people_least AS HUGEINT) * of_all.people_least - 1)
            // (CAST(whole.people_least AS HUGEINT) * of_all.people_least) AS BIGINT) AS index_most
FROM figures_of(wanted, wanted_segment, every := every, kind := kind) AS part
JOIN figures_of(wanted, 'all:all:all', every := every, kind := kind) AS whole
  ON whole.period_start = part.period_start
LEFT JOIN (
    FROM figures_of('everyone', wanted_segment, every := 'month', kind := 'audience')
) AS of_all ON of_all.period_end = last_day(part.period_end)
LEFT JOIN (
    FROM figures_of('everyone', 'all:all:all', every := 'month', kind := 'audience')
) AS everyone ON everyone.period_end = of_all.period_end
ORDER BY part.period_start;
COMMENT ON MACRO TABLE index_of IS 'The share of a segment in a campaign against its share in the audience of the month, 100 is the same: FROM index_of(''camp01'', ''women''); or every := ''day'', ''week'', kind := ''interest''.';
