-- known_segment('men_under_40'), known_segment('male:25-29:31.71'): its gender, age and region_code.
-- Returns STRUCT(gender, age, region_code); raises an error for a segment that no table can have.
CREATE MACRO known_segment(wanted_segment) AS (
    coalesce(
        (
            SELECT {'gender': gender, 'age': age, 'region_code': region_code}
            FROM segments
            WHERE segment_id = wanted_segment
        ),
        CASE
            WHEN array_length(string_split(wanted_segment, ':')) = 3
             AND split_part(wanted_segment, ':', 1) IN (SELECT gender FROM genders)
             AND split_part(wanted_segment, ':', 2) IN (SELECT age FROM ages)
             AND (
                 split_part(wanted_segment, ':', 3) = 'all'
                 OR split_part(wanted_segment, ':', 3) IN (SELECT region_code FROM regions)
             )
                THEN {
                    'gender': split_part(wanted_segment, ':', 1),
                    'age': split_part(wanted_segment, ':', 2),
                    'region_code': split_part(wanted_segment, ':', 3)
                }
            ELSE error(concat('no segment ''', wanted_segment, ''': FROM catalogue lists them'))
        END
    )
);
COMMENT ON MACRO known_segment IS 'The codes of a segment, an error for an unknown one. Used by the other macros.';
