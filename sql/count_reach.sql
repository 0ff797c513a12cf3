-- People, trusted people and the sum of marks (modulo 2^64) of each atom that was reached.
-- in:  reached
-- out: subject_id, gender, age_band, region, people, trusted, marks; ordered by the codes
SELECT
    subject_id,
    gender,
    age_band,
    region,
    count(*) AS people,
    count(*) FILTER (WHERE trusted) AS trusted,
    CAST(sum(mark) % 18446744073709551616 AS UBIGINT) AS marks
FROM reached
GROUP BY subject_id, gender, age_band, region
ORDER BY subject_id, gender, age_band, region
