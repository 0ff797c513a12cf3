-- People who withdrew and have not granted the purpose again since.
-- A grant after the day does not reach back; at one instant the withdrawal wins.
-- in:  requests, consents; $purpose, $day_end (first instant after the day)
-- out: person_key
WITH withdrawals AS (
    SELECT
        person_key,
        max(CASE WHEN requested_at < $day_end THEN requested_at END) AS withdrawn_by_day_end,
        max(requested_at) AS withdrawn_last
    FROM requests
    WHERE kind = 'withdraw'
    GROUP BY person_key
),
grants AS (
    SELECT
        person_key,
        max(CASE WHEN decided_at < $day_end THEN decided_at END) AS granted_by_day_end,
        max(decided_at) AS granted_last
    FROM consents
    WHERE purpose = $purpose AND granted
    GROUP BY person_key
)
SELECT w.person_key
FROM withdrawals AS w
LEFT JOIN grants AS g ON g.person_key = w.person_key
WHERE
    g.granted_by_day_end IS NULL
    OR w.withdrawn_by_day_end >= g.granted_by_day_end
    OR w.withdrawn_last >= g.granted_last
