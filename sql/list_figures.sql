-- Figures of all tables that a reader may see, and named segments that are suppressed, in the order
-- of release.
-- Inputs: figures, segments, releases of the analysts' database.
-- Columns: release_id, subject_kind, subject_id, subject, advertiser_id (null but for campaigns),
-- period, segment_id, segment, gender, age, region_code, people, people_least, people_most (null
-- where suppressed), rounding, number (of the release), place (of the row in the release).
-- Parameters: $advertisers (ids of the advertisers whose campaigns the reader may see, null for all),
-- $out_of_force (ids of the releases whose figures may not be used), $kind, $subject, $period_kind,
-- $period (null for any), $most (how many rows), $number and $place (those of the row before).
SELECT figure.release_id, figure.subject_kind, figure.subject_id, figure.subject,
       figure.advertiser_id, figure.period, figure.segment_id, described.segment, described.gender,
       described.age, described.region_code, figure.people, figure.people_least,
       figure.people_most, figure.rounding, stated.number,
       row_number() OVER (
           PARTITION BY stated.number
           ORDER BY figure.subject_id, described.named DESC, figure.segment_id
       ) AS place
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
JOIN releases AS stated ON stated.release_id = figure.release_id
WHERE NOT list_contains(CAST($out_of_force AS VARCHAR[]), figure.release_id)
  AND (figure.subject_kind <> 'campaign' OR $advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), figure.advertiser_id))
  AND ($kind IS NULL OR figure.subject_kind = $kind)
  AND ($subject IS NULL OR figure.subject_id = $subject)
  AND ($period_kind IS NULL OR figure.period_kind = $period_kind)
  AND ($period IS NULL OR figure.period = $period)
  AND stated.number >= $number
QUALIFY stated.number > $number OR place > $place
ORDER BY stated.number, place
LIMIT $most
