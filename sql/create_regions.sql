-- The country, provinces, regencies and named areas.
-- Input: incoming_regions. Columns: see the comments.
CREATE TABLE regions AS
SELECT region_code, parent_code, level, region, region_indonesian, regencies
FROM incoming_regions
ORDER BY region_code;
COMMENT ON TABLE regions IS 'One row a region that a segment can be limited to.';
COMMENT ON COLUMN regions.region_code IS 'Official code, or the code of a named area.';
COMMENT ON COLUMN regions.parent_code IS 'The region that it lies in; null for the country and for areas.';
COMMENT ON COLUMN regions.level IS 'country, province, regency or area.';
COMMENT ON COLUMN regions.region IS 'In English.';
COMMENT ON COLUMN regions.region_indonesian IS 'In Indonesian.';
COMMENT ON COLUMN regions.regencies IS 'Codes of the regencies in it.';
