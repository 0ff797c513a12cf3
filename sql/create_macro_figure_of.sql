-- figure_of('camp01', 'men_under_40', '2026-11-22'): the answer for a segment in the day, week or month
-- of a subject that holds a day.
-- Columns: period, segment_id, status, people, people_least, people_most. One row.
CREATE MACRO figure_of(wanted, wanted_segment, some_day, every := 'day', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (SELECT known_period(kind, wanted, every, some_day) AS period)
SELECT found.period, wanted_segment AS segment_id, found.status, found.people, found.people_least,
       found.people_most
FROM asked
JOIN figures_of(wanted, wanted_segment, every := every, kind := kind) AS found
  ON found.period = asked.period;
COMMENT ON MACRO TABLE figure_of IS 'A segment of a campaign on a day, published or suppressed: FROM figure_of(''camp01'', ''men_under_40'', ''2026-11-22''); or every := ''week'', ''month'', kind := ''interest'', ''audience''.';
