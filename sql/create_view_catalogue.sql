-- Every segment that a table can have: all combinations of the levels that releases have segments of,
-- and the named segments.
-- Inputs: genders, ages, regions, segments. Columns: see the comments.
CREATE VIEW catalogue AS
WITH regional AS (
    SELECT region_code, level, 'in ' || region AS words FROM regions
    UNION ALL
    SELECT 'all', 'all', ''
),
crossed AS (
    SELECT one.gender, two.age, three.region_code
    FROM genders AS one, ages AS two, regional AS three
    WHERE (one.gender = 'all' OR EXISTS (FROM segments WHERE NOT named AND gender <> 'all'))
      AND two.level IN (
          SELECT known.level
          FROM segments AS released JOIN ages AS known ON known.age = released.age
          WHERE NOT released.named
          UNION ALL
          SELECT 'all'
      )
      AND three.level IN (
          SELECT known.level
          FROM segments AS released
          JOIN regional AS known ON known.region_code = released.region_code
          WHERE NOT released.named
          UNION ALL
          SELECT 'all'
      )
    UNION
    SELECT gender, age, region_code FROM segments
)
SELECT coalesce(released.segment_id, concat_ws(':', crossed.gender, crossed.age,
                                               crossed.region_code)) AS segment_id,
       coalesce(released.segment, trim(concat_ws(' ', one.words, nullif(two.words, ''),
                                                 nullif(three.words, '')))) AS segment,
       coalesce(released.named, false) AS named, crossed.gender, crossed.age, crossed.region_code,
       level_of(crossed.gender, two.level, three.level) AS level,
       is_disjoint(two.level, three.level) AS disjoint
FROM crossed
JOIN genders AS one ON one.gender = crossed.gender
JOIN ages AS two ON two.age = crossed.age
JOIN regional AS three ON three.region_code = crossed.region_code
LEFT JOIN (
    SELECT gender, age, region_code, segment_id, segment, named,
           row_number() OVER (
               PARTITION BY gender, age, region_code ORDER BY named DESC, segment_id
           ) AS preference
    FROM segments
) AS released
  ON released.gender = crossed.gender AND released.age = crossed.age
 AND released.region_code = crossed.region_code AND released.preference = 1;
COMMENT ON VIEW catalogue IS 'One row a segment that tables can have. Its levels are those of which any release has a segment.';
COMMENT ON COLUMN catalogue.segment_id IS 'men_under_40, or its codes: male:25-29:31.71.';
COMMENT ON COLUMN catalogue.segment IS 'In English.';
COMMENT ON COLUMN catalogue.named IS 'Whether it is asked for by name.';
COMMENT ON COLUMN catalogue.gender IS 'male, female, not_stated, or all.';
COMMENT ON COLUMN catalogue.age IS 'An age band (25-29), an age group (under_40), or all.';
COMMENT ON COLUMN catalogue.region_code IS 'A code of the table regions, or all.';
COMMENT ON COLUMN catalogue.level IS 'What it is limited by: total (nothing), gender, age band, gender x province, ...';
COMMENT ON COLUMN catalogue.disjoint IS 'Whether segments of the same level share no person. Those of age groups and areas can.';
