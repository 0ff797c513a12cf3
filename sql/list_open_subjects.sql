-- What every reader may see: the interests and the audience.
-- Input: subjects of the analysts' database. Columns: subject_kind, subject_id, subject,
-- subject_indonesian.
SELECT subject_kind, subject_id, subject, subject_indonesian
FROM subjects
WHERE subject_kind <> 'campaign'
ORDER BY subject_kind, subject
