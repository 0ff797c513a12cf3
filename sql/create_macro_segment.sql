-- segment('men_under_40'): a segment over time, in all subjects and kinds of periods.
-- Columns: period_start, period_kind, period, subject_kind, subject_id, subject, status, people.
CREATE MACRO segment(wanted) AS TABLE
SELECT period_start, period_kind, period, subject_kind, subject_id, subject, status, people
FROM figures
WHERE segment_id = wanted
ORDER BY period_start, period_end, subject_kind, subject_id;
COMMENT ON MACRO TABLE segment IS 'A segment over time, in all campaigns, interests and audiences: FROM segment(''men_under_40'').';
