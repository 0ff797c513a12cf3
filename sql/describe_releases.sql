-- The releases of the analysts' database and what they promise, in the order of the ledger.
-- Input: releases. Columns: those of releases.
SELECT release_id, number, subject_kind, period_kind, period, period_start, period_end, provider,
       timezone, threshold, protection_level, rounding, error, policy_digest, catalogue_digest,
       corrects, corrected_by
FROM releases
ORDER BY number
