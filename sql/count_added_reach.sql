-- `count_reach.sql` with the value of an added dimension as a part of the cell.
-- in:  valued (list_first_values.sql)
-- out: subject_id, gender, age_band, region, added, bucket, people, marks; ordered by codes and bucket
SELECT
    subject_id,
    gender,
    age_band,
    region,
    added,
    bucket,
    count(*) AS people,
    CAST(sum(mark) % 18446744073709551616 AS UBIGINT) AS marks
FROM valued
GROUP BY subject_id, gender, age_band, region, added, bucket
ORDER BY subject_id, gender, age_band, region, added, bucket
