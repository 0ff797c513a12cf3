-- all_segments('camp01', '2026-11-22'): every segment of the catalogue in the day, week or month of a
-- subject that holds a day, suppressed ones too.
-- Columns: period, segment_id, segment, gender, age, region_code, level, disjoint, status, people,
-- people_least, people_most.
CREATE MACRO all_segments(wanted, some_day, every := 'day', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (SELECT known_period(kind, wanted, every, some_day) AS period),
found AS (
    SELECT one.gender, one.age, one.region_code, figure.status, figure.people,
           figure.people_least, figure.people_most
    FROM asked
    JOIN figures AS figure ON figure.period = asked.period
    JOIN segments AS one ON one.segment_id = figure.segment_id
    WHERE figure.subject_kind = kind AND figure.subject_id = wanted AND figure.period_kind = every
)
SELECT asked.period, listed.segment_id, listed.segment, listed.gender, listed.age,
       listed.region_code, listed.level, listed.disjoint,
       coalesce(found.status, 'suppressed') AS status, found.people, found.people_least,
       found.people_most
FROM asked
CROSS JOIN catalogue AS listed
LEFT JOIN found
  ON found.gender = listed.gender AND found.age = listed.age
 AND found.region_code = listed.region_code
ORDER BY listed.named DESC, listed.segment_id;
COMMENT ON MACRO TABLE all_segments IS 'Every segment of the catalogue in a campaign on a day, published or suppressed: FROM all_segments(''camp01'', ''2026-11-22''); or every := ''week'', ''month'', kind := ''interest'', ''audience''.';
