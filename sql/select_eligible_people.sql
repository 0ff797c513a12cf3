-- Candidates with a profile who are not excluded, with the number that marks them.
-- The mark is the first 8 bytes (big-endian) of sha256($mark_key || person_key).
-- in:  candidates, profiles, excluded, bands (age_band, youngest, oldest); $mark_key,
--      $trusted_after_days
-- out: person_key, mark, gender, age_band, region, trusted; ordered by person_key
SELECT
    p.person_key,
    CAST('0x' || substr(sha256($mark_key || p.person_key), 1, 16) AS UBIGINT) AS mark,
    p.gender,
    b.age_band,
    p.region,
    p.account_days >= $trusted_after_days AS trusted
FROM profiles AS p
JOIN bands AS b ON p.age BETWEEN b.youngest AND b.oldest
WHERE
    EXISTS (SELECT 1 FROM candidates AS c WHERE c.person_key = p.person_key)
    AND NOT EXISTS (SELECT 1 FROM excluded AS e WHERE e.person_key = p.person_key)
ORDER BY p.person_key
