-- Which visits state something that nothing is known of, by file: counts and rows, never the values. A
-- product category that belongs to no interest (where no interest is set up, none is missed), a
-- utm_id that is no campaign's, a URL that no campaign's link or tag matches.
-- in:  standing (visits), interest_words
-- out: code, raw_column, file (its number), row_count, first_rows (up to five row numbers)
WITH noted AS (
    SELECT 'category_not_mapped' AS code, 'product_category' AS raw_column, file, row_number
    FROM standing
    WHERE category_not_mapped AND excluded IS NULL
        AND EXISTS (SELECT 1 FROM interest_words)
    UNION ALL
    SELECT 'tag_unknown' AS code, 'url' AS raw_column, file, row_number
    FROM standing
    WHERE tag_unknown AND excluded IS NULL
    UNION ALL
    SELECT 'no_campaign' AS code, 'url' AS raw_column, file, row_number
    FROM standing
    WHERE len(campaign_ids) = 0 AND excluded IS NULL
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
