-- What sound profiles are on the day. Born on 29 February: birthday on 1 March in common years.
-- in:  assessed (out of accept_profiles.sql, without fault)
-- out: row_number, record_key, content, rank, arrival, excluded, person_key, gender, age, region,
--      account_days, closed, gender_not_mapped, region_not_mapped, region_shape, age_not_known
-- parameters: $day, $purged_before, $oldest_age
WITH aged AS (
    SELECT
        *,
        year(CAST($day AS DATE)) - year(born)
        - CASE
            WHEN month(CAST($day AS DATE)) * 100 + day(CAST($day AS DATE))
                < month(born) * 100 + day(born) THEN 1
            ELSE 0
        END AS years
    FROM assessed
),
dated AS (
    SELECT *, CASE WHEN born <= $day AND years <= $oldest_age THEN years END AS age
    FROM aged
)
SELECT
    row_number,
    record_key,
    content,
    rank,
    arrival,
    CASE WHEN closed_on < $purged_before THEN 'closed_long_ago' END AS excluded,
    person_key,
    gender,
    CAST(age AS SMALLINT) AS age,
    region,
    CAST(date_diff('day', registered_on, CAST($day AS DATE)) AS INTEGER) AS account_days,
    coalesce(closed_on <= $day, FALSE) AS closed,
    gender_not_mapped,
    region_not_mapped,
    region_shape,
    birth_stated AND age IS NULL AS age_not_known
FROM dated
