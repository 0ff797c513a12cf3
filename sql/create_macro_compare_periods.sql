-- compare_periods('camp01', '2026-11-15', '2026-11-22'): the segments of a campaign on two days; the two
-- weeks or months that hold the days with every := 'week' or 'month'; kind := 'interest' or 'audience'.
-- Columns: segment_id, segment, first_people, second_people, change, change_least, change_most (the true
-- change lies between these; null without both figures), direction (more, fewer or not known).
-- Segments that are suppressed in both periods are listed only if they are named.
CREATE MACRO compare_periods(
    wanted, first_day, second_day, every := 'day', kind := 'campaign'
) AS TABLE
SELECT one.segment_id, one.segment, one.people AS first_people, two.people AS second_people,
       two.people - one.people AS change, two.people_least - one.people_most AS change_least,
       two.people_most - one.people_least AS change_most,
       direction_of(two.people_least, two.people_most, one.people_least, one.people_most)
           AS direction
FROM all_segments(wanted, first_day, every := every, kind := kind) AS one
JOIN all_segments(wanted, second_day, every := every, kind := kind) AS two
  ON two.segment_id = one.segment_id
WHERE one.people > 0 OR two.people > 0
   OR one.segment_id IN (SELECT segment_id FROM segments WHERE named)
ORDER BY one.people DESC NULLS LAST, one.segment_id;
COMMENT ON MACRO TABLE compare_periods IS 'The segments of a campaign on two days: FROM compare_periods(''camp01'', ''2026-11-15'', ''2026-11-22''); or every := ''week'', ''month'', kind := ''interest'', ''audience''.';
