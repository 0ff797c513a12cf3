-- A segment in every released table of a subject, suppressed ones too, with what the release states.
-- Inputs: released_tables, releases, figures, segments of the analysts' database.
-- Columns: release_id, advertiser_id (null but for campaigns), period_kind, period, people,
-- people_least, people_most (null where suppressed), threshold, rounding, error, provider, corrects.
-- Parameters: $kind, $subject, $gender, $age, $region, $advertisers (ids of the advertisers whose
-- releases of a campaign the reader may see, null for all), $out_of_force (ids of the releases whose
-- figures may not be used).
WITH found AS (
    SELECT figure.release_id, figure.people, figure.people_least, figure.people_most
    FROM figures AS figure
    JOIN segments AS one ON one.segment_id = figure.segment_id
    WHERE figure.subject_kind = $kind AND figure.subject_id = $subject
      AND one.gender = $gender AND one.age = $age AND one.region_code = $region
)
SELECT known.release_id, known.advertiser_id, known.period_kind, known.period, found.people,
       found.people_least, found.people_most, stated.threshold, stated.rounding, stated.error, stated.provider,
       stated.corrects
FROM released_tables AS known
JOIN releases AS stated ON stated.release_id = known.release_id
LEFT JOIN found ON found.release_id = known.release_id
WHERE known.subject_kind = $kind AND known.subject_id = $subject
  AND NOT list_contains(CAST($out_of_force AS VARCHAR[]), known.release_id)
  AND ($kind <> 'campaign' OR $advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), known.advertiser_id))
ORDER BY known.period_start, known.period_end
