-- How many visits state something that nothing is known of: counts, never the values. A product
-- category that belongs to no interest (where no interest is set up, none is missed), a utm_id
-- that is no campaign's.
-- in:  standing (visits), interest_words
-- out: category_not_mapped, tag_unknown
SELECT
    count(*) FILTER (WHERE category_not_mapped AND EXISTS (SELECT 1 FROM interest_words))
        AS category_not_mapped,
    count(*) FILTER (WHERE tag_unknown) AS tag_unknown
FROM standing
WHERE excluded IS NULL
