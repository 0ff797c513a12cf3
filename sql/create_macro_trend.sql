-- trend('camp01'), trend('camp01', every := 'week'): the named segments of a campaign over time, and how
-- they changed from the period before.
-- Columns: period_start, period, segment_id, segment, status, people, people_least, people_most, change,
-- change_least, change_most (the true change lies between these; null without both figures), direction
-- (more, fewer, or not known: rounding alone can be the reason).
CREATE MACRO trend(wanted, every := 'day') AS TABLE
WITH asked AS MATERIALIZED (
    SELECT known_series('campaign', wanted, every) AS subject_id
),
found AS (
    SELECT figure.release_id, one.gender, one.age, one.region_code, figure.status, figure.people,
           figure.people_least, figure.people_most
    FROM figures AS figure JOIN segments AS one ON one.segment_id = figure.segment_id
    WHERE figure.subject_kind = 'campaign' AND figure.subject_id = wanted
      AND figure.period_kind = every
),
answers AS (
    SELECT released.period_start, released.period_end, released.period, known.segment_id,
           known.segment, coalesce(found.status, 'suppressed') AS status, found.people,
           found.people_least, found.people_most
    FROM asked
    JOIN released_tables AS released
      ON released.subject_id = asked.subject_id AND released.period_kind = every
     AND released.subject_kind = 'campaign'
    CROSS JOIN segments AS known
    LEFT JOIN found
      ON found.release_id = released.release_id AND found.gender = known.gender
     AND found.age = known.age AND found.region_code = known.region_code
    WHERE known.named
)
SELECT now.period_start, now.period, now.segment_id, now.segment, now.status, now.people,
       now.people_least, now.people_most, now.people - before.people AS change,
       now.people_least - before.people_most AS change_least,
       now.people_most - before.people_least AS change_most,
       direction_of(now.people_least, now.people_most, before.people_least, before.people_most)
           AS direction
FROM answers AS now
LEFT JOIN answers AS before
  ON before.segment_id = now.segment_id AND before.period_end = now.period_start - 1
ORDER BY now.period_start, now.segment_id;
COMMENT ON MACRO TABLE trend IS 'The named segments of a campaign, day by day, and how they changed: FROM trend(''camp01''); or every := ''week'', ''month''.';
