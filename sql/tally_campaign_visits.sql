-- Visits by what decides about them: who came, and which campaigns they accessed.
-- in:  visits, late_visits
-- out: person_key, program, subjects (campaign ids in their order, joined by chr(31)), visits
SELECT
    person_key,
    program IS NOT FALSE AS program,
    array_to_string(campaign_ids, chr(31)) AS subjects,
    count(*) AS visits
FROM (
    SELECT person_key, program, campaign_ids FROM visits
    UNION ALL
    SELECT person_key, program, campaign_ids FROM late_visits WHERE NOT repeated
)
GROUP BY 1, 2, 3
