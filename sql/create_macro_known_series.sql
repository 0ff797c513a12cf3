-- known_series('campaign', 'camp01', 'week'): the id of a subject.
-- Returns VARCHAR; raises an error where the subject has no released table of such periods.
CREATE MACRO known_series(kind, wanted, every) AS (
    CASE
        WHEN known_subject(kind, wanted) IS NULL THEN NULL
        WHEN known_period_kind(every) IS NULL THEN NULL
        WHEN EXISTS (
            FROM released_tables
            WHERE subject_kind = kind AND subject_id = wanted AND period_kind = every
        )
            THEN wanted
        ELSE error(concat('no ', every, ' is released of ', kind, ' ''', wanted,
                          ''': FROM released_tables lists them'))
    END
);
COMMENT ON MACRO known_series IS 'The id of a subject, an error where no such period of it is released. Used by the other macros.';
