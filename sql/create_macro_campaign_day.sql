-- campaign_day('camp01', DATE '2026-11-22'): every figure of a campaign on a day, in words.
-- Columns: segment_id, segment, gender, age, region_code, status, people.
CREATE MACRO campaign_day(wanted, wanted_day) AS TABLE
SELECT figure.segment_id, described.segment, described.gender, described.age,
       described.region_code, figure.status, figure.people
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
WHERE figure.campaign_id = wanted AND figure.period_kind = 'day'
  AND figure.period_start = CAST(wanted_day AS DATE)
ORDER BY described.named DESC, figure.people DESC NULLS LAST, figure.segment_id;
COMMENT ON MACRO TABLE campaign_day IS 'Every figure of a campaign on a day: FROM campaign_day(''camp01'', ''2026-11-22'').';
