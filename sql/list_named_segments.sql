-- The named segments that tables of the newest day have, and since when tables have them: those that
-- the reader may see, which list every named segment, also a suppressed one.
-- Inputs: figures, segments, releases of the analysts' database.
-- Columns: gender, age, region_code, since. Parameters: $advertisers (ids of the advertisers whose
-- releases of a campaign the reader may see, null for all), $out_of_force (ids of the releases whose
-- figures may not be used).
WITH seen AS (
    SELECT figure.segment_id, stated.period_start, stated.period_end
    FROM figures AS figure
    JOIN releases AS stated ON stated.release_id = figure.release_id
    WHERE NOT list_contains(CAST($out_of_force AS VARCHAR[]), figure.release_id)
      AND (figure.subject_kind <> 'campaign' OR $advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), figure.advertiser_id))
)
SELECT one.gender, one.age, one.region_code, min(seen.period_start) AS since
FROM seen
JOIN segments AS one ON one.segment_id = seen.segment_id
WHERE one.named
GROUP BY one.gender, one.age, one.region_code
HAVING max(seen.period_end) = (SELECT max(period_end) FROM seen)
ORDER BY one.gender, one.age, one.region_code
