-- The segments that occur in a release, in the words of the newest one. Ids that were defined anew
-- differ already: men@12 is what men meant before.
-- Inputs: incoming_segments, ages, regions. Columns: see the comments.
CREATE TABLE segments AS
SELECT newest.segment_id, newest.segment, newest.segment_indonesian, newest.named, newest.gender,
       newest.age, newest.region_code, newest.iab_ids,
       level_of(newest.gender, limits.level, place.level) AS level,
       is_disjoint(limits.level, place.level) AS disjoint
FROM (
    SELECT segment_id, segment, segment_indonesian, named, gender, age, region_code, iab_ids,
           row_number() OVER (PARTITION BY segment_id ORDER BY number DESC) AS newness
    FROM incoming_segments
) AS newest
JOIN ages AS limits ON limits.age = newest.age
LEFT JOIN regions AS place ON place.region_code = newest.region_code
WHERE newest.newness = 1
ORDER BY newest.named DESC, newest.segment_id;
COMMENT ON TABLE segments IS 'One row a segment with a figure in any release, and each named one. The view catalogue has those without a figure too.';
COMMENT ON COLUMN segments.segment_id IS 'men_under_40, or its codes: male:25-29:31.71. With @ and the number of a release: as releases from that one on defined it, before it was defined anew.';
COMMENT ON COLUMN segments.segment IS 'In English.';
COMMENT ON COLUMN segments.segment_indonesian IS 'In Indonesian.';
COMMENT ON COLUMN segments.named IS 'Whether it is asked for by name; then it stands in every table.';
COMMENT ON COLUMN segments.gender IS 'male, female, not_stated, or all.';
COMMENT ON COLUMN segments.age IS 'An age band (25-29), an age group (under_40), or all.';
COMMENT ON COLUMN segments.region_code IS 'A code of the table regions, or all.';
COMMENT ON COLUMN segments.iab_ids IS 'Ids of the IAB Audience Taxonomy 1.1 (segtax 4).';
COMMENT ON COLUMN segments.level IS 'What it is limited by: total (nothing), gender, age band, gender x province, ...';
COMMENT ON COLUMN segments.disjoint IS 'Whether segments of the same level share no person. Those of age groups and areas can.';
