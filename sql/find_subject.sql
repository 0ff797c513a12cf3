-- A subject that a reader may see: a campaign of one of its advertisers, an interest, the audience.
-- A campaign that changed its advertiser is named as in the newest release that the reader may see.
-- Inputs: subjects, campaigns, advertisers, released_tables, releases of the analysts' database.
-- Columns: subject_kind, subject_id, subject, subject_indonesian, advertiser_id, advertiser,
-- starts_on, ends_on (of campaigns, where their newest advertiser is this one; else null).
-- Parameters: $kind, $subject, $advertisers (a list of ids, null for all), $out_of_force (ids of the
-- releases whose figures may not be used).
WITH named AS (
    SELECT released.subject, released.advertiser_id, stated.number
    FROM released_tables AS released
    JOIN releases AS stated ON stated.release_id = released.release_id
    WHERE released.subject_kind = 'campaign' AND released.subject_id = $subject
      AND NOT list_contains(CAST($out_of_force AS VARCHAR[]), released.release_id)
      AND ($advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), released.advertiser_id))
    UNION ALL
    SELECT about.campaign, about.advertiser_id, 0  -- with no table in force
    FROM campaigns AS about
    WHERE about.campaign_id = $subject
      AND ($advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), about.advertiser_id))
),
ranked AS (
    SELECT subject, advertiser_id, row_number() OVER (ORDER BY number DESC) AS place
    FROM named
)
SELECT known.subject_kind, known.subject_id, newest.subject, newest.subject AS subject_indonesian,
       newest.advertiser_id, owner.advertiser, about.starts_on, about.ends_on
FROM subjects AS known
JOIN ranked AS newest ON newest.place = 1
LEFT JOIN campaigns AS about
  ON about.campaign_id = known.subject_id AND about.advertiser_id = newest.advertiser_id
LEFT JOIN advertisers AS owner ON owner.advertiser_id = newest.advertiser_id
WHERE $kind = 'campaign' AND known.subject_kind = $kind AND known.subject_id = $subject
UNION ALL
SELECT known.subject_kind, known.subject_id, known.subject, known.subject_indonesian, NULL, NULL,
       NULL, NULL
FROM subjects AS known
WHERE $kind <> 'campaign' AND known.subject_kind = $kind AND known.subject_id = $subject
