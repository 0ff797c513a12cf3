-- How many figures by an added dimension, and named segments without one, a release has.
-- Input: added_figures. Column: figures. Parameter: $release_id.
SELECT count(*) AS figures
FROM added_figures
WHERE release_id = $release_id
