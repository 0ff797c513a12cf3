-- The contributions that go beyond the bound: of the campaigns of one advertiser that a person
-- reached, all but the $most of lowest rank. A campaign's rank is a keyed hash of person and
-- campaign, whatever the period.
-- in:  reached, owners (subject_id, advertiser_id); $most, $contribution_key
-- out: subject_id, person_key
WITH owned AS (
    SELECT r.subject_id, r.person_key, o.advertiser_id
    FROM reached AS r
    JOIN owners AS o ON o.subject_id = r.subject_id
),
many AS (
    SELECT person_key, advertiser_id
    FROM owned
    GROUP BY person_key, advertiser_id
    HAVING count(*) > $most
),
ranked AS (
    SELECT
        o.subject_id,
        o.person_key,
        row_number() OVER (
            PARTITION BY o.person_key, o.advertiser_id
            ORDER BY
                sha256($contribution_key || o.person_key || encode(o.subject_id)), o.subject_id
        ) AS place
    FROM owned AS o
    JOIN many AS m ON m.person_key = o.person_key AND m.advertiser_id = o.advertiser_id
)
SELECT subject_id, person_key
FROM ranked
WHERE place > $most
