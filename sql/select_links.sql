-- The links of the accepted campaigns.
-- in:  standing (campaigns)
-- out: url
SELECT DISTINCT link_url AS url
FROM standing
WHERE excluded IS NULL
