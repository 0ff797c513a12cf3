-- compare('men_under_40', 'camp01', 'camp02'): a segment in two campaigns, day by day, or
-- every := 'week' or 'month'.
-- Columns: period_start, first_people, second_people (null where suppressed or not running),
-- first_status, second_status (published, suppressed; null where not running), larger (first or second
-- where that is certain, or not known).
CREATE MACRO compare(wanted_segment, first_campaign, second_campaign, every := 'day') AS TABLE
SELECT coalesce(one.period_start, two.period_start) AS period_start, one.people AS first_people,
       two.people AS second_people, one.status AS first_status, two.status AS second_status,
       CASE
           direction_of(one.people_least, one.people_most, two.people_least, two.people_most)
           WHEN 'more' THEN 'first' WHEN 'fewer' THEN 'second' WHEN 'not known' THEN 'not known'
       END AS larger
FROM (FROM figures_of(first_campaign, wanted_segment, every := every)) AS one
FULL JOIN (FROM figures_of(second_campaign, wanted_segment, every := every)) AS two
  ON two.period_start = one.period_start
ORDER BY coalesce(one.period_start, two.period_start);
COMMENT ON MACRO TABLE compare IS 'A segment in two campaigns, day by day: FROM compare(''men'', ''camp01'', ''camp02''); or every := ''week'', ''month''.';
