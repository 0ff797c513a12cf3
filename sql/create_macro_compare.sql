-- compare('men_under_40', 'camp01', 'camp02'): a segment in two campaigns, day by day, or
-- every := 'week' or 'month'.
-- Columns: period_start, first_people, second_people (null where suppressed or not running).
CREATE MACRO compare(wanted, first_campaign, second_campaign, every := 'day') AS TABLE
SELECT period_start,
       max(CASE WHEN subject_id = first_campaign THEN people END) AS first_people,
       max(CASE WHEN subject_id = second_campaign THEN people END) AS second_people
FROM figures
WHERE segment_id = wanted AND subject_kind = 'campaign' AND period_kind = every
  AND subject_id IN (first_campaign, second_campaign)
GROUP BY period_start
ORDER BY period_start;
COMMENT ON MACRO TABLE compare IS 'A segment in two campaigns, day by day: FROM compare(''men'', ''camp01'', ''camp02''); or every := ''week'', ''month''.';
