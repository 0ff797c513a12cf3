-- table_on('campaign', 'camp01', 'week', '2026-11-22'): every figure of a subject in the day, week
-- or month that holds a day, in words.
-- Columns: period, segment_id, segment, gender, age, region_code, status, people.
CREATE MACRO table_on(kind, wanted, every, some_day) AS TABLE
WITH asked AS MATERIALIZED (SELECT known_period(kind, wanted, every, some_day) AS period)
SELECT figure.period, figure.segment_id, described.segment, described.gender, described.age,
       described.region_code, figure.status, figure.people
FROM asked
JOIN figures AS figure ON figure.period = asked.period
JOIN segments AS described ON described.segment_id = figure.segment_id
WHERE figure.subject_kind = kind AND figure.subject_id = wanted AND figure.period_kind = every
ORDER BY described.named DESC, figure.people DESC NULLS LAST, figure.segment_id;
COMMENT ON MACRO TABLE table_on IS 'Every figure of a subject in the period that holds a day: FROM table_on(''campaign'', ''camp01'', ''week'', ''2026-11-22'').';
