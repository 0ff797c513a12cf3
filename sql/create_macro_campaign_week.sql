-- campaign_week('camp01', '2026-11-22'):
-- every figure of a campaign in the ISO week that holds a day.
-- Columns: those of table_on.
CREATE MACRO campaign_week(wanted, some_day) AS TABLE
FROM table_on('campaign', wanted, 'week', some_day);
COMMENT ON MACRO TABLE campaign_week IS 'Every figure of a campaign in the ISO week that holds a day: FROM campaign_week(''camp01'', ''2026-11-22'').';
