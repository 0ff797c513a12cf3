-- The groups of each dimension with the atoms in them: genders, age bands, regencies.
-- Inputs: genders, ages, regions of the analysts' database.
-- Columns: dimension, code, level, words, words_indonesian, atoms; `all` of regions has every regency
-- and `not_stated`.
SELECT 'gender' AS dimension, gender AS code,
       CASE WHEN gender = 'all' THEN 'all' ELSE 'gender' END AS level, words, words_indonesian,
       genders AS atoms
FROM genders
UNION ALL
SELECT 'age', age, level, words, words_indonesian, bands FROM ages
UNION ALL
SELECT 'region', region_code, level, region, region_indonesian, regencies FROM regions
UNION ALL
SELECT 'region', 'all', 'all', '', '', list(region_code) || ['not_stated']
FROM regions WHERE level = 'regency'
ORDER BY dimension, level, code
