-- totals_of('campaign', 'day'): everyone of each subject of a kind in each period of a kind.
-- Columns: those of released_tables, and status, people, people_least, people_most, rounding.
CREATE MACRO totals_of(kind, every) AS TABLE
SELECT released.release_id, released.subject_kind, released.subject_id, released.subject,
       released.advertiser_id, released.period_kind, released.period, released.period_start,
       released.period_end, coalesce(figure.status, 'suppressed') AS status, figure.people,
       figure.people_least, figure.people_most, made.rounding
FROM released_tables AS released
JOIN releases AS made ON made.release_id = released.release_id
LEFT JOIN figures AS figure
  ON figure.release_id = released.release_id AND figure.subject_id = released.subject_id
 AND figure.segment_id IN (SELECT segment_id FROM segments WHERE level = 'total')
WHERE released.subject_kind = kind AND released.period_kind = every;
COMMENT ON MACRO TABLE totals_of IS 'Everyone of each subject of a kind in each period of a kind; use the views made of it: campaign_days, campaign_weeks, campaign_months, interest_weeks, audience_months.';
