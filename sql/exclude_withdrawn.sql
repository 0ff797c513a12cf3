-- People who withdrew and have not granted the purpose again since; a tie is a refusal.
-- A grant after the day does not reach back, a withdrawal after the day counts.
-- in:  withdrawals, decisions; $purpose
-- out: person_key
SELECT w.person_key
FROM withdrawals AS w
LEFT JOIN decisions AS d ON d.person_key = w.person_key AND d.purpose = $purpose
WHERE
    w.withdrawn_last >= d.granted_last
    OR w.withdrawn_by_day_end >= d.granted_by_day_end
    OR d.granted_by_day_end IS NULL
