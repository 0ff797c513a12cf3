-- campaign_day('camp01', '2026-11-22'):
-- every figure of a campaign on a day.
-- Columns: those of table_on.
CREATE MACRO campaign_day(wanted, some_day) AS TABLE
FROM table_on('campaign', wanted, 'day', some_day);
COMMENT ON MACRO TABLE campaign_day IS 'Every figure of a campaign on a day: FROM campaign_day(''camp01'', ''2026-11-22'').';
