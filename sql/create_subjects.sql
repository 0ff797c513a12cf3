-- What tables are about, under the names of their newest release.
-- Input: incoming_subjects. Columns: see the comments.
CREATE TABLE subjects AS
SELECT subject_kind, subject_id, subject, subject_indonesian
FROM (
    SELECT subject_kind, subject_id, subject, subject_indonesian,
           row_number() OVER (
               PARTITION BY subject_kind, subject_id ORDER BY number DESC
           ) AS newest
    FROM incoming_subjects
) AS ranked
WHERE newest = 1
ORDER BY subject_kind, subject_id;
COMMENT ON TABLE subjects IS 'One row a subject that stands in a release: a campaign, an interest, or everyone.';
COMMENT ON COLUMN subjects.subject_kind IS 'campaign: who accessed its advertising link; interest: who viewed products of it in the 30 days to the end of a week; audience: who may be counted on the last day of a month.';
COMMENT ON COLUMN subjects.subject_id IS 'The campaign id, the code of the interest, or everyone. Unique within a kind.';
COMMENT ON COLUMN subjects.subject IS 'Its name; of interests and the audience in English.';
COMMENT ON COLUMN subjects.subject_indonesian IS 'In Indonesian; campaigns have one name.';
