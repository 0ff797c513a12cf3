-- Candidates with a profile who are not excluded, with the number that marks them and the bucket
-- that they are in: the first 8 bytes (big-endian) and the ninth of
-- sha256($mark_key || person_key).
-- in:  candidates, profiles, excluded, bands (age_band, youngest, oldest); $mark_key
-- out: person_key, mark, bucket, gender, age_band, region; ordered by person_key
WITH eligible AS (
    SELECT
        p.person_key,
        sha256($mark_key || p.person_key) AS digest,
        p.gender,
        b.age_band,
        p.region
    FROM profiles AS p
    JOIN bands AS b ON p.age BETWEEN b.youngest AND b.oldest
    WHERE
        EXISTS (SELECT 1 FROM candidates AS c WHERE c.person_key = p.person_key)
        AND NOT EXISTS (SELECT 1 FROM excluded AS e WHERE e.person_key = p.person_key)
)
SELECT
    person_key,
    CAST('0x' || substr(digest, 1, 16) AS UBIGINT) AS mark,
    CAST('0x' || substr(digest, 17, 2) AS UTINYINT) AS bucket,
    gender,
    age_band,
    region
FROM eligible
ORDER BY person_key
