-- How many profiles state something that could not be used: counts, never the values.
-- in:  standing (profiles)
-- out: gender_not_mapped, region_not_mapped, age_not_known
SELECT
    count(*) FILTER (WHERE gender_not_mapped) AS gender_not_mapped,
    count(*) FILTER (WHERE region_not_mapped) AS region_not_mapped,
    count(*) FILTER (WHERE age_not_known) AS age_not_known
FROM standing
WHERE excluded IS NULL
