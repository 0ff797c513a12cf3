-- The segments of the analysts' database, named ones first.
-- Input: segments. Columns: segment_id, segment, segment_indonesian, named, gender, age, region_code,
-- iab_ids.
SELECT segment_id, segment, segment_indonesian, named, gender, age, region_code, iab_ids
FROM segments
ORDER BY named DESC, segment_id
