-- How much an analysts' database holds: what is written and what is read back can be compared.
-- Inputs: all of its tables. Columns: name, rows, sum (over the hashes of all rows; where $releases is not
-- null, of the large tables over the rows of these releases alone).
-- Parameters: $releases (a list of ids, or null).
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
SELECT 'genders', count(*), sum(CAST(hash(one) AS HUGEINT)) FROM genders AS one
UNION ALL
SELECT 'regions', count(*), sum(CAST(hash(regions) AS HUGEINT)) FROM regions
UNION ALL
SELECT 'ages', count(*), sum(CAST(hash(ages) AS HUGEINT)) FROM ages
UNION ALL
SELECT 'corrected_figures', count(*), sum(CAST(hash(corrected_figures) AS HUGEINT))
FROM corrected_figures
UNION ALL
SELECT 'released_tables', (SELECT count(*) FROM released_tables),
       sum(CAST(hash(released_tables) AS HUGEINT))
FROM released_tables
WHERE CAST($releases AS VARCHAR[]) IS NULL OR list_contains(CAST($releases AS VARCHAR[]), release_id)
UNION ALL
SELECT 'figures', (SELECT count(*) FROM figures), sum(CAST(hash(figures) AS HUGEINT))
FROM figures
WHERE CAST($releases AS VARCHAR[]) IS NULL OR list_contains(CAST($releases AS VARCHAR[]), release_id)
ORDER BY name
