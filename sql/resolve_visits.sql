-- How many visits had each outcome. `contribution_bound`: the visit's person does not count in
-- the visit's campaign because of the bound.
-- in:  judged (judge_visits.sql), beyond (list_contributions_beyond.sql)
-- out: outcome, visits
SELECT
    CASE
        WHEN b.person_key IS NOT NULL THEN 'contribution_bound'
        WHEN j.outcome = 'reached' THEN 'counted'
        ELSE j.outcome
    END AS outcome,
    CAST(sum(j.visits) AS BIGINT) AS visits
FROM judged AS j
LEFT JOIN beyond AS b ON b.person_key = j.person_key AND b.subject_id = j.subject_id
GROUP BY 1
ORDER BY 1
