-- All rows of a subject in a release: published segments, and named ones that are suppressed.
-- Inputs: figures, segments of the analysts' database.
-- Columns: segment_id, segment, segment_indonesian, named, gender, age, region_code, people,
-- people_least, people_most (null where suppressed). Parameters: $release, $kind, $subject,
-- $advertisers (ids of the advertisers whose releases of a campaign the reader may see, null for all).
SELECT figure.segment_id, described.segment, described.segment_indonesian, described.named,
       described.gender, described.age, described.region_code, figure.people, figure.people_least,
       figure.people_most
FROM figures AS figure
JOIN segments AS described ON described.segment_id = figure.segment_id
WHERE figure.release_id = $release AND figure.subject_kind = $kind
  AND figure.subject_id = $subject
  AND ($kind <> 'campaign' OR $advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), figure.advertiser_id))
ORDER BY described.named DESC, figure.people DESC NULLS LAST, figure.segment_id
