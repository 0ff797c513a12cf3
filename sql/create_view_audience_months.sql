-- How many people may be counted at the end of each month. No segments, so that no sum over
-- rows counts overlapping segments.
-- Input: totals_of. Columns: those of released_tables, and status, people, people_least, people_most,
-- rounding.
CREATE VIEW audience_months AS
FROM totals_of('audience', 'month');
COMMENT ON VIEW audience_months IS 'One row a month: how many people may be counted on its last day. A row counts each person once; a sum over months counts a person once for each row that counts them. Segments: FROM figures_by(''gender'', every := ''month'', kind := ''audience'').';
