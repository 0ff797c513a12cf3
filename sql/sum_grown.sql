-- How much an analysts' database holds after rows of some releases were inserted: all rows of the tables
-- that are written again as a whole, and of the others the rows of these releases.
-- Inputs: all of its tables. Columns: name, rows, sum (over the hashes of these rows).
-- Parameters: $releases (a list of ids).
SELECT 'releases' AS name, count(*) AS rows, sum(CAST(hash(releases) AS HUGEINT)) AS sum FROM releases
UNION ALL
SELECT 'advertisers', count(*), sum(CAST(hash(advertisers) AS HUGEINT)) FROM advertisers
UNION ALL
SELECT 'campaigns', count(*), sum(CAST(hash(campaigns) AS HUGEINT)) FROM campaigns
UNION ALL
SELECT 'subjects', count(*), sum(CAST(hash(subjects) AS HUGEINT)) FROM subjects
UNION ALL
SELECT 'segments', count(*), sum(CAST(hash(segments) AS HUGEINT)) FROM segments
UNION ALL
SELECT 'regions', count(*), sum(CAST(hash(regions) AS HUGEINT)) FROM regions
UNION ALL
SELECT 'ages', count(*), sum(CAST(hash(ages) AS HUGEINT)) FROM ages
UNION ALL
SELECT 'released_tables', (SELECT count(*) FROM released_tables),
       sum(CAST(hash(released_tables) AS HUGEINT))
FROM released_tables
WHERE list_contains(CAST($releases AS VARCHAR[]), release_id)
UNION ALL
SELECT 'figures', (SELECT count(*) FROM figures), sum(CAST(hash(figures) AS HUGEINT))
FROM figures
WHERE list_contains(CAST($releases AS VARCHAR[]), release_id)
ORDER BY name
