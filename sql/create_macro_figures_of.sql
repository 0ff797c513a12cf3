-- figures_of('camp01', 'men_under_40'): the answer for a segment in every released table of a subject,
-- day by day; every := 'week' or 'month', kind := 'interest' or 'audience' for others.
-- Columns: period_start, period_end, period, status, people, people_least, people_most.
CREATE MACRO figures_of(wanted, wanted_segment, every := 'day', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (
    SELECT known_series(kind, wanted, every) AS subject_id,
           known_segment(wanted_segment) AS codes
),
-- A segment can have had another id before it had a name.
same_segment AS (
    SELECT one.segment_id
    FROM asked JOIN segments AS one
      ON one.gender = asked.codes.gender AND one.age = asked.codes.age
     AND one.region_code = asked.codes.region_code
),
found AS (
    SELECT figure.release_id, figure.status, figure.people, figure.people_least,
           figure.people_most
    FROM figures AS figure JOIN same_segment AS one ON one.segment_id = figure.segment_id
    WHERE figure.subject_kind = kind AND figure.subject_id = wanted AND figure.period_kind = every
)
SELECT released.period_start, released.period_end, released.period,
       coalesce(found.status, 'suppressed') AS status, found.people, found.people_least,
       found.people_most
FROM asked
JOIN released_tables AS released
  ON released.subject_id = asked.subject_id AND released.period_kind = every
 AND released.subject_kind = kind
LEFT JOIN found ON found.release_id = released.release_id
ORDER BY released.period_start;
COMMENT ON MACRO TABLE figures_of IS 'A segment of a campaign in every released period, suppressed ones too: FROM figures_of(''camp01'', ''men_under_40''); or every := ''week'', ''month'', kind := ''interest'', ''audience''.';
