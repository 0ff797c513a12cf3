-- Of how many accepted profiles gender and region are not stated.
-- in:  standing (profiles), erased
-- out: gender_not_stated, region_not_stated
-- parameters: $not_stated
SELECT
    count(*) FILTER (WHERE gender = $not_stated) AS gender_not_stated,
    count(*) FILTER (WHERE region = $not_stated) AS region_not_stated
FROM standing AS s
WHERE excluded IS NULL
    AND NOT EXISTS (SELECT 1 FROM erased AS e WHERE e.person_key = s.person_key)
