-- Eligible people inside a campaign's target who accessed it: once each, however often.
-- in:  accesses, people, targets (campaign_id, region)
-- out: campaign_id, person_key, mark, gender, age_band, region, trusted
SELECT a.campaign_id, p.person_key, p.mark, p.gender, p.age_band, p.region, p.trusted
FROM (SELECT DISTINCT campaign_id, person_key FROM accesses) AS a
JOIN people AS p ON p.person_key = a.person_key
WHERE EXISTS (
    SELECT 1 FROM targets AS t WHERE t.campaign_id = a.campaign_id AND t.region = p.region
)
