-- A named segment by its id.
-- Input: segments of the analysts' database. Columns: segment_id, segment, gender, age, region_code.
-- Parameter: $segment.
SELECT segment_id, segment, gender, age, region_code
FROM segments
WHERE named AND segment_id = $segment
