-- audience_month('2026-11-22'):
-- every figure of the audience in the month that holds a day.
-- Columns: those of table_on.
CREATE MACRO audience_month(some_day) AS TABLE
FROM table_on('audience', 'everyone', 'month', some_day);
COMMENT ON MACRO TABLE audience_month IS 'Every figure of the audience in the month that holds a day: FROM audience_month(''2026-11-22'').';
