-- share('camp01', 'women'): how much of a campaign a segment is, in percent, day by day; every := 'week'
-- or 'month', kind := 'interest' or 'audience' for others.
-- Columns: period_start, period_end, period, status (suppressed where either figure is), percent,
-- percent_least, percent_most (the true share lies between these).
CREATE MACRO share(wanted, wanted_segment, every := 'day', kind := 'campaign') AS TABLE
SELECT part.period_start, part.period_end, part.period,
       CASE WHEN known THEN 'published' ELSE 'suppressed' END AS status,
       CASE WHEN known THEN least(round(100.0 * part.people / whole.people, 1), 100) END AS percent,
       -- Whole numbers, rounded away from the middle: the true share is never outside.
       CASE
           WHEN known THEN (1000 * part.people_least) // whole.people_most / 10
       END AS percent_least,
       CASE
           WHEN known
               THEN (1000 * least(part.people_most, whole.people_least) + whole.people_least - 1)
                    // whole.people_least / 10
       END AS percent_most
FROM (FROM figures_of(wanted, wanted_segment, every := every, kind := kind)) AS part
JOIN (FROM figures_of(wanted, 'all:all:all', every := every, kind := kind)) AS whole
  ON whole.period_start = part.period_start
-- least() ignores what is null.
CROSS JOIN LATERAL (SELECT part.people > 0 AND whole.people > 0 AS known) AS both_published
ORDER BY part.period_start;
COMMENT ON MACRO TABLE share IS 'How much of a campaign a segment is, in percent with bounds: FROM share(''camp01'', ''women''); or every := ''week'', ''month'', kind := ''interest'', ''audience''.';
