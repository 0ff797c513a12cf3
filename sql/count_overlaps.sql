-- How many people count in both of two campaigns, for each pair that shares anybody.
-- in:  counted
-- out: subject_id, other_id (the later of the two), people; ordered by both ids
SELECT a.subject_id, b.subject_id AS other_id, count(*) AS people
FROM counted AS a
JOIN counted AS b ON b.person_key = a.person_key AND b.subject_id > a.subject_id
GROUP BY a.subject_id, b.subject_id
ORDER BY a.subject_id, b.subject_id
