-- level_of('male', 'band', 'province'): what a segment is limited by; gender x age band x province.
-- Returns VARCHAR; total for a segment that nothing limits.
CREATE MACRO level_of(some_gender, age_level, region_level) AS (
    coalesce(
        nullif(
            concat_ws(
                ' x ',
                CASE WHEN some_gender <> 'all' THEN 'gender' END,
                CASE WHEN age_level <> 'all' THEN 'age ' || age_level END,
                CASE WHEN region_level <> 'all' THEN region_level END
            ),
            ''
        ),
        'total'
    )
);
COMMENT ON MACRO level_of IS 'What a segment is limited by, from its gender and the levels of its age and region. Used by the other objects.';
