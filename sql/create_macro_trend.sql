-- trend('camp01'), trend('camp01', every := 'week'): the named segments of a campaign over time.
-- Columns: period_start, period, segment_id, segment, status, people.
CREATE MACRO trend(wanted, every := 'day') AS TABLE
SELECT figure.period_start, figure.period, figure.segment_id, named.segment, figure.status,
       figure.people
FROM figures AS figure
JOIN segments AS named ON named.segment_id = figure.segment_id
WHERE figure.subject_kind = 'campaign' AND figure.subject_id = wanted
  AND figure.period_kind = every AND named.named
ORDER BY figure.period_start, figure.segment_id;
COMMENT ON MACRO TABLE trend IS 'The named segments of a campaign, day by day: FROM trend(''camp01''); or every := ''week'', ''month''.';
