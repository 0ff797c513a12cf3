-- trend('camp01'): the named segments of a campaign, day by day.
-- Columns: period_start, segment_id, segment, status, people.
CREATE MACRO trend(wanted) AS TABLE
SELECT figure.period_start, figure.segment_id, named.segment, figure.status, figure.people
FROM figures AS figure
JOIN segments AS named ON named.segment_id = figure.segment_id
WHERE figure.campaign_id = wanted AND figure.period_kind = 'day' AND named.named
ORDER BY figure.period_start, figure.segment_id;
COMMENT ON MACRO TABLE trend IS 'The named segments of a campaign, day by day: FROM trend(''camp01'').';
