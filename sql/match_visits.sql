-- The objections of people who have a visit of the day, or a late one of an open period.
-- in:  objections (request_key, person_key), standing (visits), open_periods
-- out: request_key
SELECT DISTINCT o.request_key
FROM objections AS o
JOIN standing AS s ON s.person_key = o.person_key
WHERE s.excluded IS NULL
    OR (s.excluded = 'late' AND s.local_day >= (SELECT oldest FROM open_periods))
