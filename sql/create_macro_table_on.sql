-- table_on('campaign', 'camp01', 'week', '2026-11-22'): every figure of a subject in the day, week
-- or month that holds a day, in words.
-- Columns: period, segment_id, segment, gender, age, region_code, status, people.
CREATE MACRO table_on(wanted_kind, wanted, every, some_day) AS TABLE
SELECT figure.period, figure.segment_id, described.segment, described.gender, described.age,
       described.region_code, figure.status, figure.people
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
WHERE figure.subject_kind = wanted_kind AND figure.subject_id = wanted
  AND figure.period_kind = every
  AND CAST(some_day AS DATE) BETWEEN figure.period_start AND figure.period_end
ORDER BY described.named DESC, figure.people DESC NULLS LAST, figure.segment_id;
COMMENT ON MACRO TABLE table_on IS 'Every figure of a subject in the period that holds a day: FROM table_on(''campaign'', ''camp01'', ''week'', ''2026-11-22'').';
