-- Of each suppressed segment of a page the published segment with the fewest cells that contains it.
-- Inputs: figures, segments of the analysts' database.
-- Columns: place (which of the suppressed ones), segment_id, segment, segment_indonesian, named,
-- gender, age, region_code, people, people_least, people_most. No row where none contains it.
-- Parameters: $releases, $subjects and $inner (lists of equal length: of each suppressed segment its
-- release, its subject and the number of its codes), $outer, $genders, $ages, $regions and $cells
-- (lists of equal length: of each group of codes that contains the codes with the number $outer, its
-- codes and its number of cells), $advertisers (ids of the advertisers whose releases of a campaign
-- the reader may see, null for all).
WITH suppressed AS (
    SELECT unnest(range(len(CAST($releases AS VARCHAR[])))) AS place,
           unnest(CAST($releases AS VARCHAR[])) AS release_id,
           unnest(CAST($subjects AS VARCHAR[])) AS subject_id,
           unnest(CAST($inner AS INTEGER[])) AS codes
),
containing AS (
    SELECT unnest(CAST($outer AS INTEGER[])) AS codes,
           unnest(CAST($genders AS VARCHAR[])) AS gender,
           unnest(CAST($ages AS VARCHAR[])) AS age,
           unnest(CAST($regions AS VARCHAR[])) AS region_code,
           unnest(CAST($cells AS BIGINT[])) AS cells
),
candidates AS (
    SELECT containing.codes, containing.cells, described.*
    FROM containing
    JOIN segments AS described
      ON described.gender = containing.gender AND described.age = containing.age
     AND described.region_code = containing.region_code
),
ranked AS (
    SELECT suppressed.place, one.segment_id, one.segment, one.segment_indonesian, one.named,
           one.gender, one.age, one.region_code, figure.people, figure.people_least,
           figure.people_most,
           row_number() OVER (
               PARTITION BY suppressed.place ORDER BY one.cells, one.segment_id
           ) AS number
    FROM suppressed
    JOIN candidates AS one ON one.codes = suppressed.codes
    JOIN figures AS figure
      ON figure.release_id = suppressed.release_id AND figure.subject_id = suppressed.subject_id
     AND figure.segment_id = one.segment_id
    WHERE figure.people IS NOT NULL
      AND (figure.subject_kind <> 'campaign' OR $advertisers IS NULL
           OR list_contains(CAST($advertisers AS VARCHAR[]), figure.advertiser_id))
)
SELECT place, segment_id, segment, segment_indonesian, named, gender, age, region_code, people,
       people_least, people_most
FROM ranked
WHERE number = 1
