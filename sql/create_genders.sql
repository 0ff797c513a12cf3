-- The genders that a segment can be limited to.
-- Input: incoming_genders. Columns: see the comments.
CREATE TABLE genders AS
SELECT gender, words, words_indonesian, genders
FROM incoming_genders
ORDER BY position;
COMMENT ON TABLE genders IS 'One row a gender that a segment can be limited to, and all.';
COMMENT ON COLUMN genders.gender IS 'male, female, not_stated, or all.';
COMMENT ON COLUMN genders.words IS 'In English.';
COMMENT ON COLUMN genders.words_indonesian IS 'In Indonesian.';
COMMENT ON COLUMN genders.genders IS 'The genders in it. Those of different single genders share no person.';
