-- People and the sum of marks (modulo 2^64) of each bucket of each cell that was reached.
-- in:  counted
-- out: subject_id, gender, age_band, region, bucket, people, marks; ordered by codes and bucket
SELECT
    subject_id,
    gender,
    age_band,
    region,
    bucket,
    count(*) AS people,
    CAST(sum(mark) % 18446744073709551616 AS UBIGINT) AS marks
FROM counted
GROUP BY subject_id, gender, age_band, region, bucket
ORDER BY subject_id, gender, age_band, region, bucket
