-- People who had not granted the purpose by the end of the day, or have refused it since;
-- a tie is a refusal.
-- in:  profiles, decisions; $purpose
-- out: person_key
SELECT p.person_key
FROM profiles AS p
LEFT JOIN decisions AS d ON d.person_key = p.person_key AND d.purpose = $purpose
WHERE
    d.granted_by_day_end IS NULL
    OR d.refused_by_day_end >= d.granted_by_day_end
    OR d.refused_last >= d.granted_last
