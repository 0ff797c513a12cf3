-- The latest grant and the latest refusal of each purpose, by the end of the day and of all known.
-- in:  consents; $day_end (first instant after the day)
-- out: person_key, purpose, granted_by_day_end, refused_by_day_end, granted_last, refused_last
SELECT
    person_key,
    purpose,
    max(decided_at) FILTER (WHERE granted AND decided_at < $day_end) AS granted_by_day_end,
    max(decided_at) FILTER (WHERE granted IS NOT TRUE AND decided_at < $day_end)
        AS refused_by_day_end,
    max(decided_at) FILTER (WHERE granted) AS granted_last,
    max(decided_at) FILTER (WHERE granted IS NOT TRUE) AS refused_last
FROM consents
GROUP BY person_key, purpose
