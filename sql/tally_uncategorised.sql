-- How many visits state a product category that belongs to no interest: a count, never the values.
-- Where no interest is set up, nobody waits for any.
-- in:  standing (visits), interest_words
-- out: category_not_mapped
SELECT count(*) AS category_not_mapped
FROM standing
WHERE excluded IS NULL AND category_not_mapped AND EXISTS (SELECT 1 FROM interest_words)
