-- Which profiles state something that could not be used, by file: counts and rows, never the values.
-- in:  standing (profiles)
-- out: code, raw_column, file (its number), row_count, first_rows (up to five row numbers)
WITH noted AS (
    SELECT 'gender_not_mapped' AS code, 'gender' AS raw_column, file, row_number
    FROM standing
    WHERE gender_not_mapped AND excluded IS NULL
    UNION ALL
    SELECT 'region_not_mapped' AS code, 'region_code' AS raw_column, file, row_number
    FROM standing
    WHERE region_not_mapped AND excluded IS NULL
    UNION ALL
    SELECT 'age_not_known' AS code, 'birth_date' AS raw_column, file, row_number
    FROM standing
    WHERE age_not_known AND excluded IS NULL
    UNION ALL
    SELECT 'region_without_dot' AS code, 'region_code' AS raw_column, file, row_number
    FROM standing
    WHERE region_shape = 'without_dot' AND excluded IS NULL
    UNION ALL
    SELECT 'region_as_number' AS code, 'region_code' AS raw_column, file, row_number
    FROM standing
    WHERE region_shape = 'as_number' AND excluded IS NULL
)
SELECT
    code,
    raw_column,
    file,
    count(*) AS row_count,
    min(row_number, 5) AS first_rows
FROM noted
GROUP BY code, raw_column, file
ORDER BY code, file
