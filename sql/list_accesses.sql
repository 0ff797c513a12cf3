-- Visits by people (no guests, no programs) with the running campaigns that they access.
-- in:  visits, campaigns (those that run on the day)
-- out: visit_key, person_key, campaign_id; one row a visit and campaign
SELECT v.visit_key, v.person_key, c.campaign_id
FROM (
    SELECT visit_key, person_key, unnest(campaign_ids) AS campaign_id
    FROM visits
    WHERE person_key IS NOT NULL AND program IS FALSE
) AS v
JOIN campaigns AS c ON c.campaign_id = v.campaign_id
