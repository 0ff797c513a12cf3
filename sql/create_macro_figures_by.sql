-- figures_by('gender'): the figures of the segments of one level, which share no person: of campaigns on
-- days; every := 'week' or 'month', kind := 'interest' or 'audience' for others.
-- Columns: those of figures, and segment, gender, age, region_code, level, partition (subject, period
-- and level: figures of one partition count different people).
-- Raises an error for a level whose segments overlap, and for an unknown one.
CREATE MACRO figures_by(dimension, every := 'day', kind := 'campaign') AS TABLE
WITH asked AS MATERIALIZED (
    SELECT known_kind(kind) AS kind, known_period_kind(every) AS every, CASE
        WHEN EXISTS (FROM catalogue WHERE disjoint AND level = dimension) THEN dimension
        ELSE error(concat('no figures by ''', dimension, ''': SELECT DISTINCT level FROM catalogue WHERE disjoint lists the levels; age groups and areas overlap, so ask for one of them: FROM segment(''men_under_40'')'))
    END AS level
)
SELECT figure.release_id, figure.subject_kind, figure.subject_id, figure.subject,
       figure.advertiser_id, figure.period_kind, figure.period, figure.period_start,
       figure.period_end, figure.segment_id, figure.status, figure.people, figure.people_least,
       figure.people_most, figure.rounding, described.segment, described.gender, described.age,
       described.region_code, described.level,
       concat_ws(' ', figure.subject_id, figure.period, described.level) AS partition
FROM asked
JOIN segments AS described ON described.level = asked.level AND described.disjoint
JOIN figures AS figure
  ON figure.segment_id = described.segment_id AND figure.subject_kind = asked.kind
 AND figure.period_kind = asked.every;
COMMENT ON MACRO TABLE figures_by IS 'The figures of segments that share no person, of all campaigns and days: FROM figures_by(''gender''); or every := ''week'', ''month'', kind := ''interest'', ''audience''. The other levels: SELECT DISTINCT level FROM catalogue WHERE disjoint.';
