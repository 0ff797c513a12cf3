-- campaign_month('camp01', '2026-11-22'):
-- every figure of a campaign in the month that holds a day.
-- Columns: those of table_on.
CREATE MACRO campaign_month(wanted, some_day) AS TABLE
FROM table_on('campaign', wanted, 'month', some_day);
COMMENT ON MACRO TABLE campaign_month IS 'Every figure of a campaign in the month that holds a day: FROM campaign_month(''camp01'', ''2026-11-22'').';
