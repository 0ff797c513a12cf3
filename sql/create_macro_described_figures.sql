-- described_figures('campaign', 'day'): the figures of one kind of subject and period, with their
-- segments in words.
-- Columns: those of figures, and segment, gender, age, region_code, level, partition (what the figure
-- is a part of: figures of one partition count different people; null where segments overlap).
CREATE MACRO described_figures(kind, every) AS TABLE
SELECT figure.release_id, figure.subject_kind, figure.subject_id, figure.subject,
       figure.advertiser_id, figure.period_kind, figure.period, figure.period_start,
       figure.period_end, figure.segment_id, figure.status, figure.people, figure.people_least,
       figure.people_most, figure.rounding, described.segment, described.gender, described.age,
       described.region_code, described.level,
       CASE
           WHEN described.disjoint
               THEN concat_ws(' ', figure.subject_id, figure.period, described.level)
       END AS partition
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
WHERE figure.subject_kind = kind AND figure.period_kind = every;
COMMENT ON MACRO TABLE described_figures IS 'The figures of one kind of subject and period; use the views made of it: campaign_days, campaign_weeks, campaign_months, interest_weeks, audience_months.';
