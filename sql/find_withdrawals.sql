-- The latest withdrawal of each person, by the end of the day and of all known.
-- in:  requests; $day_end (first instant after the day)
-- out: person_key, withdrawn_by_day_end, withdrawn_last
SELECT
    person_key,
    max(requested_at) FILTER (WHERE requested_at < $day_end) AS withdrawn_by_day_end,
    max(requested_at) AS withdrawn_last
FROM requests
WHERE kind = 'withdraw'
GROUP BY person_key
