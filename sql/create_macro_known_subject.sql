-- known_subject('campaign', 'camp01'): the id.
-- Returns VARCHAR; raises an error for a subject that is in no release.
CREATE MACRO known_subject(kind, wanted) AS (
    CASE
        WHEN known_kind(kind) IS NULL THEN NULL
        WHEN EXISTS (FROM subjects WHERE subject_kind = kind AND subject_id = wanted) THEN wanted
        ELSE error(concat('no ', kind, ' ''', wanted, ''': FROM subjects lists them'))
    END
);
COMMENT ON MACRO known_subject IS 'The id of a subject, an error for an unknown one. Used by the other macros.';
