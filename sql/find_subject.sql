-- A subject that a reader may see: a campaign of one of its advertisers, an interest, the audience.
-- Inputs: subjects, campaigns, advertisers of the analysts' database.
-- Columns: subject_kind, subject_id, subject, subject_indonesian, advertiser_id, advertiser,
-- starts_on, ends_on (null but for campaigns). Parameters: $kind, $subject, $advertisers (a list of
-- ids, null for all).
SELECT known.subject_kind, known.subject_id, known.subject, known.subject_indonesian,
       about.advertiser_id, owner.advertiser, about.starts_on, about.ends_on
FROM subjects AS known
LEFT JOIN campaigns AS about
  ON known.subject_kind = 'campaign' AND about.campaign_id = known.subject_id
LEFT JOIN advertisers AS owner ON owner.advertiser_id = about.advertiser_id
WHERE known.subject_kind = $kind AND known.subject_id = $subject
  AND ($kind <> 'campaign' OR $advertisers IS NULL
       OR list_contains(CAST($advertisers AS VARCHAR[]), about.advertiser_id))
