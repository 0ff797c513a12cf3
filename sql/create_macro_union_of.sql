-- union_of(['women', 'men', 'not_stated:all:all']): the segment of the catalogue that has exactly the
-- people of these segments together, here everyone.
-- Returns VARCHAR; raises an error where the catalogue has no such segment.
CREATE MACRO union_of(wanted_segments) AS (
    WITH asked AS (
        SELECT known_segment(one.wanted_segment) AS codes
        FROM (SELECT unnest(wanted_segments) AS wanted_segment) AS one
    ),
    region_sets AS (
        SELECT region_code, regencies FROM regions
        UNION ALL
        SELECT 'all', list(region_code) || ['not_stated'] FROM regions WHERE level = 'regency'
    ),
    cells AS (
        SELECT DISTINCT one.gender, one.band, unnest(one.regencies) AS regency
        FROM (
            SELECT half.gender, half.regencies, unnest(half.bands) AS band
            FROM (
                SELECT unnest(g.genders) AS gender, a.bands, p.regencies
                FROM asked
                JOIN genders AS g ON g.gender = asked.codes.gender
                JOIN ages AS a ON a.age = asked.codes.age
                JOIN region_sets AS p ON p.region_code = asked.codes.region_code
            ) AS half
        ) AS one
    ),
    -- Cells of a segment are all combinations of its genders, bands and regencies.
    covered AS (
        SELECT list_sort(list(DISTINCT gender)) AS genders, list_sort(list(DISTINCT band)) AS bands,
               list_sort(list(DISTINCT regency)) AS regencies,
               count(*) = count(DISTINCT gender) * count(DISTINCT band) * count(DISTINCT regency)
                   AS combined
        FROM cells
    )
    SELECT coalesce(
        (
            SELECT min(listed.segment_id)
            FROM covered
            JOIN genders AS g ON list_sort(g.genders) = covered.genders
            JOIN ages AS a ON list_sort(a.bands) = covered.bands
            JOIN region_sets AS p ON list_sort(p.regencies) = covered.regencies
            JOIN catalogue AS listed
              ON listed.gender = g.gender AND listed.age = a.age
             AND listed.region_code = p.region_code
            WHERE covered.combined
        ),
        error(concat('no segment of the catalogue is the union of ',
                     array_to_string(wanted_segments, ', '),
                     ': their figures cannot say how many people it has'))
    )
);
COMMENT ON MACRO union_of IS 'The id of the segment that has the people of several segments together, an error without one: FROM figure_of(''camp01'', union_of([''men'', ''women'', ''not_stated:all:all'']), ''2026-11-22'').';
