-- The people that count for each subject, with their value of an added dimension: that of the first
-- of their visits that count for it (by day, then by the keyed visit id), `other` where that visit
-- states none of the values.
-- in:  counted, people, visits, late_visits, choices (choose_subjects.sql), added_values (value);
--      $dimension (device | product_category)
-- out: the columns of counted, added
WITH came AS (
    SELECT person_key, campaign_ids, program, interest, device, local_day, visit_key
    FROM visits
    UNION ALL
    SELECT person_key, campaign_ids, program, interest, device, local_day, visit_key
    FROM late_visits
    WHERE NOT repeated
),
counting AS (
    SELECT
        c.subject_id,
        v.person_key,
        CASE WHEN $dimension = 'device' THEN v.device ELSE v.interest END AS value,
        row_number() OVER (
            PARTITION BY c.subject_id, v.person_key
            ORDER BY v.local_day, v.visit_key
        ) AS place
    FROM came AS v
    JOIN people AS p ON p.person_key = v.person_key
    JOIN choices AS c
        ON c.subjects = array_to_string(v.campaign_ids, chr(31)) AND c.region = p.region
    WHERE v.program IS FALSE
)
SELECT c.*, coalesce(a.value, 'other') AS added
FROM counted AS c
JOIN counting AS f
    ON f.subject_id = c.subject_id AND f.person_key = c.person_key AND f.place = 1
LEFT JOIN added_values AS a ON a.value = f.value
