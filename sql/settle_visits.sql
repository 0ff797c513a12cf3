-- What became of the day's visits. `unsettled`: a visitor about whom eligibility has not decided.
-- in:  visits, excluded, people, accesses, reached
-- out: outcome, visits
WITH reaching AS (
    SELECT DISTINCT a.visit_key
    FROM accesses AS a
    JOIN reached AS r ON r.campaign_id = a.campaign_id AND r.person_key = a.person_key
),
accessing AS (
    SELECT DISTINCT visit_key FROM accesses
)
SELECT
    CASE
        WHEN v.person_key IS NULL THEN 'guest'
        WHEN v.program IS NOT FALSE THEN 'program'
        WHEN e.reason IS NOT NULL THEN e.reason
        WHEN p.person_key IS NULL THEN 'unsettled'
        WHEN r.visit_key IS NOT NULL THEN 'counted'
        WHEN a.visit_key IS NOT NULL THEN 'outside_target'
        ELSE 'no_campaign'
    END AS outcome,
    count(*) AS visits
FROM visits AS v
LEFT JOIN excluded AS e ON e.person_key = v.person_key
LEFT JOIN people AS p ON p.person_key = v.person_key
LEFT JOIN reaching AS r ON r.visit_key = v.visit_key
LEFT JOIN accessing AS a ON a.visit_key = v.visit_key
GROUP BY 1
ORDER BY 1
