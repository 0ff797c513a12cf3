-- segment('men_under_40'): a segment over time, in all released tables of all subjects and kinds of
-- periods.
-- Columns: period_start, period_kind, period, subject_kind, subject_id, subject, status, people.
CREATE MACRO segment(wanted_segment) AS TABLE
WITH asked AS MATERIALIZED (SELECT known_segment(wanted_segment) AS codes),
found AS (
    SELECT figure.release_id, figure.subject_id, figure.status, figure.people
    FROM asked
    JOIN segments AS one
      ON one.gender = asked.codes.gender AND one.age = asked.codes.age
     AND one.region_code = asked.codes.region_code
    JOIN figures AS figure ON figure.segment_id = one.segment_id
)
SELECT released.period_start, released.period_kind, released.period, released.subject_kind,
       released.subject_id, released.subject, coalesce(found.status, 'suppressed') AS status,
       found.people
FROM asked
CROSS JOIN released_tables AS released
LEFT JOIN found
  ON found.release_id = released.release_id AND found.subject_id = released.subject_id
WHERE asked.codes IS NOT NULL
ORDER BY released.period_start, released.period_end, released.subject_kind, released.subject_id;
COMMENT ON MACRO TABLE segment IS 'A segment over time, in all campaigns, interests and audiences: FROM segment(''men_under_40'').';
