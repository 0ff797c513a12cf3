-- One segment in all tables that a reader may see, suppressed or not, in the order of release. Tables
-- of a time before a named segment was defined are left out.
-- Inputs: released_tables, releases, figures, segments of the analysts' database.
-- Columns: release_id, subject_kind, subject_id, subject, advertiser_id (null but for campaigns),
-- period, segment_id (null where it has no row), people, people_least, people_most (null where
-- suppressed), rounding, number (of the release), place (of the row in the release).
-- Parameters: $segment (id of a named segment, null for codes), $gender, $age, $region (its codes),
-- $advertisers (ids of the advertisers whose campaigns the reader may see, null for all),
-- $out_of_force (ids of the releases whose figures may not be used), $kind, $subject, $period_kind,
-- $period (null for any), $most (how many rows), $number and $place (those of the row before).
WITH found AS (
    SELECT figure.release_id, figure.subject_id, figure.segment_id, figure.people,
           figure.people_least, figure.people_most
    FROM figures AS figure
    JOIN segments AS one ON one.segment_id = figure.segment_id
    WHERE ($segment IS NULL OR one.segment_id = $segment)
      AND one.gender = $gender AND one.age = $age AND one.region_code = $region
)
SELECT known.release_id, known.subject_kind, known.subject_id, known.subject, known.advertiser_id,
       known.period, found.segment_id, found.people, found.people_least, found.people_most,
       stated.rounding, stated.number,
       row_number() OVER (PARTITION BY stated.number ORDER BY known.subject_id) AS place
FROM released_tables AS known
JOIN releases AS stated ON stated.release_id = known.release_id
LEFT JOIN found
  ON found.release_id = known.release_id AND found.subject_id = known.subject_id
WHERE NOT list_contains(CAST($out_of_force AS VARCHAR[]), known.release_id)
  AND (known.subject_kind <> 'campaign' OR $advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), known.advertiser_id))
  AND ($kind IS NULL OR known.subject_kind = $kind)
  AND ($subject IS NULL OR known.subject_id = $subject)
  AND ($period_kind IS NULL OR known.period_kind = $period_kind)
  AND ($period IS NULL OR known.period = $period)
  AND ($segment IS NULL OR found.segment_id IS NOT NULL)
  AND stated.number >= $number
QUALIFY stated.number > $number OR place > $place
ORDER BY stated.number, place
LIMIT $most
