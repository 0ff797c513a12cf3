-- How many figures the analysts' database holds of one release, suppressed ones included.
-- Inputs: figures. Columns: rows. Parameters: $release_id.
SELECT count(*) AS rows
FROM figures
WHERE release_id = $release_id
