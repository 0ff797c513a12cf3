-- The releases that an analysts' database names, in the order of the ledger.
-- Inputs: releases. Columns: release_id.
SELECT release_id
FROM releases
ORDER BY number
