-- segment('men_under_40'): a segment over time, in all campaigns.
-- Columns: period_start, period_kind, campaign_id, campaign, status, people.
CREATE MACRO segment(wanted) AS TABLE
SELECT figure.period_start, figure.period_kind, figure.campaign_id, campaign.campaign,
       figure.status, figure.people
FROM figures AS figure
JOIN campaigns AS campaign ON campaign.campaign_id = figure.campaign_id
WHERE figure.segment_id = wanted
ORDER BY figure.period_start, figure.period_kind, figure.campaign_id;
COMMENT ON MACRO TABLE segment IS 'A segment over time, in all campaigns: FROM segment(''men_under_40'').';
