-- Advertisers that a reader may see.
-- Input: advertisers of the analysts' database. Columns: advertiser_id, advertiser.
-- Parameters: $advertisers (a list of ids, null for all), $most (how many rows), $after (how many
-- rows come before).
SELECT advertiser_id, advertiser
FROM advertisers
WHERE $advertisers IS NULL OR list_contains(CAST($advertisers AS VARCHAR[]), advertiser_id)
ORDER BY advertiser_id
LIMIT $most OFFSET $after
