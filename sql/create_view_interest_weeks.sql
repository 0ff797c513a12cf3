-- How many people had each interest in the 30 days to the end of each ISO week. No segments, so that no sum over
-- rows counts overlapping segments.
-- Input: totals_of. Columns: those of released_tables, and status, people, people_least, people_most,
-- rounding.
CREATE VIEW interest_weeks AS
FROM totals_of('interest', 'week');
COMMENT ON VIEW interest_weeks IS 'One row an interest and ISO week: how many people had it in the 30 days to the end of the week. A row counts each person once; a sum over interests and weeks counts a person once for each row that counts them. Segments: FROM figures_by(''gender'', every := ''week'', kind := ''interest'').';
