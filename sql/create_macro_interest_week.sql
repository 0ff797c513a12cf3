-- interest_week('sports', '2026-11-22'):
-- every figure of an interest in the ISO week that holds a day.
-- Columns: those of table_on.
CREATE MACRO interest_week(wanted, some_day) AS TABLE
FROM table_on('interest', wanted, 'week', some_day);
COMMENT ON MACRO TABLE interest_week IS 'Every figure of an interest in the ISO week that holds a day: FROM interest_week(''sports'', ''2026-11-22'').';
