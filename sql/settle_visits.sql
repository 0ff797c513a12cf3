-- What became of the day's visits. `unsettled`: a visitor about whom eligibility has not decided.
-- in:  visits, excluded, people, accesses, reached
-- out: outcome, visits
WITH standing AS (
    SELECT person_key, reason FROM excluded
    UNION ALL
    SELECT person_key, 'eligible' AS reason FROM people
),
accessing AS (
    SELECT a.visit_key, max(CASE WHEN r.person_key IS NULL THEN 0 ELSE 1 END) AS inside
    FROM accesses AS a
    LEFT JOIN reached AS r ON r.campaign_id = a.campaign_id AND r.person_key = a.person_key
    GROUP BY a.visit_key
)
SELECT
    CASE
        WHEN v.person_key IS NULL THEN 'guest'
        WHEN v.program IS NOT FALSE THEN 'program'
        WHEN s.reason IS NULL THEN 'unsettled'
        WHEN s.reason <> 'eligible' THEN s.reason
        WHEN a.inside = 1 THEN 'counted'
        WHEN a.inside = 0 THEN 'outside_target'
        ELSE 'no_campaign'
    END AS outcome,
    count(*) AS visits
FROM visits AS v
LEFT JOIN standing AS s ON s.person_key = v.person_key
LEFT JOIN accessing AS a ON a.visit_key = v.visit_key
GROUP BY 1
ORDER BY 1
