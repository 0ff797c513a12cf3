-- How many segments, age groups and areas of new releases mean other people than in the database.
-- Inputs: incoming_segments, incoming_ages, incoming_regions; segments, ages, regions.
-- Columns: redefined.
SELECT sum(one.redefined) AS redefined
FROM (
    SELECT count(*) AS redefined
    FROM incoming_segments AS new
    JOIN segments AS known ON known.segment_id = new.segment_id
    WHERE known.gender <> new.gender OR known.age <> new.age OR known.region_code <> new.region_code
    UNION ALL
    SELECT count(*)
    FROM incoming_ages AS new
    JOIN ages AS known ON known.age = new.age
    WHERE known.level <> new.level OR list_sort(known.bands) <> list_sort(new.bands)
    UNION ALL
    SELECT count(*)
    FROM incoming_regions AS new
    JOIN regions AS known ON known.region_code = new.region_code
    WHERE known.level <> new.level OR list_sort(known.regencies) <> list_sort(new.regencies)
) AS one
