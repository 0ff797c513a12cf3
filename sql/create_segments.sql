-- The segments that occur in a release, as the newest release defines them.
-- Input: incoming_segments. Columns: see the comments.
CREATE TABLE segments AS
SELECT segment_id, segment, segment_indonesian, named, gender, age, region_code, iab_ids
FROM (
    SELECT segment_id, segment, segment_indonesian, named, gender, age, region_code, iab_ids,
           row_number() OVER (PARTITION BY segment_id ORDER BY number DESC) AS newest
    FROM incoming_segments
) AS ranked
WHERE newest = 1
ORDER BY named DESC, segment_id;
COMMENT ON TABLE segments IS 'One row a segment with a figure in any release, and each named one.';
COMMENT ON COLUMN segments.segment_id IS 'men_under_40, or its codes: male:25-29:31.71.';
COMMENT ON COLUMN segments.segment IS 'In English.';
COMMENT ON COLUMN segments.segment_indonesian IS 'In Indonesian.';
COMMENT ON COLUMN segments.named IS 'Whether it is asked for by name; then it stands in every table.';
COMMENT ON COLUMN segments.gender IS 'male, female, not_stated, or all.';
COMMENT ON COLUMN segments.age IS 'An age band (25-29), an age group (under_40), or all.';
COMMENT ON COLUMN segments.region_code IS 'A code of the table regions, or all.';
COMMENT ON COLUMN segments.iab_ids IS 'Ids of the IAB Audience Taxonomy 1.1 (segtax 4).';
