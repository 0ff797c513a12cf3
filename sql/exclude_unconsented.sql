-- People who had not granted the purpose by the end of the day, or have refused it since.
-- A grant after the day does not reach back; a grant and a refusal at one instant are a refusal.
-- in:  profiles, consents; $purpose, $day_end (first instant after the day)
-- out: person_key
WITH decisions AS (
    SELECT
        person_key,
        max(CASE WHEN granted AND decided_at < $day_end THEN decided_at END) AS granted_by_day_end,
        max(CASE WHEN granted IS NOT TRUE AND decided_at < $day_end THEN decided_at END)
            AS refused_by_day_end,
        max(CASE WHEN granted THEN decided_at END) AS granted_last,
        max(CASE WHEN granted IS NOT TRUE THEN decided_at END) AS refused_last
    FROM consents
    WHERE purpose = $purpose
    GROUP BY person_key
)
SELECT p.person_key
FROM profiles AS p
LEFT JOIN decisions AS d ON d.person_key = p.person_key
WHERE
    d.granted_by_day_end IS NULL
    OR d.refused_by_day_end >= d.granted_by_day_end
    OR d.refused_last >= d.granted_last
