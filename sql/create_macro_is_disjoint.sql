-- is_disjoint('band', 'province'): whether segments of these levels share no person.
-- Returns BOOLEAN.
CREATE MACRO is_disjoint(age_level, region_level) AS (
    age_level <> 'group' AND coalesce(region_level, 'all') <> 'area'
);
COMMENT ON MACRO is_disjoint IS 'Whether segments of these levels of age and region share no person. Used by the other objects.';
