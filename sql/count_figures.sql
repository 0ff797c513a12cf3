-- How many figures the analysts' database holds of one release, suppressed ones included.
-- Inputs: figures, corrected_figures. Columns: rows. Parameters: $release_id.
SELECT count(*) AS rows
FROM (
    SELECT release_id FROM figures
    UNION ALL
    SELECT release_id FROM corrected_figures
) AS held
WHERE release_id = $release_id
