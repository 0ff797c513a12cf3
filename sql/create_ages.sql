-- The age bands, and the age groups that releases are about.
-- Input: incoming_ages. Columns: see the comments.
CREATE TABLE ages AS
SELECT age, level, words, words_indonesian, bands
FROM incoming_ages
ORDER BY position, age;
COMMENT ON TABLE ages IS 'One row an age band or age group that a segment can be limited to, and all.';
COMMENT ON COLUMN ages.age IS 'An age band (25-29), an age group (under_40), or all.';
COMMENT ON COLUMN ages.level IS 'all, band or group. Bands share no person; groups can overlap.';
COMMENT ON COLUMN ages.words IS 'In English; empty for all.';
COMMENT ON COLUMN ages.words_indonesian IS 'In Indonesian; empty for all.';
COMMENT ON COLUMN ages.bands IS 'The age bands in it.';
