-- Of how many profiles gender and region are not stated.
-- in:  accepted (profiles)
-- out: gender_not_stated, region_not_stated
-- parameters: $not_stated
SELECT
    count(*) FILTER (WHERE gender = $not_stated) AS gender_not_stated,
    count(*) FILTER (WHERE region = $not_stated) AS region_not_stated
FROM accepted
