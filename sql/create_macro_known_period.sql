-- known_period('campaign', 'camp01', 'week', '2026-11-22'): 2026-W47, the period that holds the day.
-- Returns VARCHAR; raises an error where the subject has no released table of such a period.
CREATE MACRO known_period(kind, wanted, every, some_day) AS (
    CASE
        WHEN known_subject(kind, wanted) IS NULL THEN NULL
        WHEN known_period_kind(every) IS NULL THEN NULL
        WHEN TRY_CAST(some_day AS DATE) IS NULL
            THEN error(concat('''', some_day, ''' is not a date (YYYY-MM-DD)'))
        ELSE coalesce(
            (
                SELECT max(period)
                FROM released_tables
                WHERE subject_kind = kind AND subject_id = wanted AND period_kind = every
                  AND TRY_CAST(some_day AS DATE) BETWEEN period_start AND period_end
            ),
            error(concat('no ', every, ' with ', some_day, ' is released of ', kind, ' ''', wanted,
                         ''': FROM released_tables lists them'))
        )
    END
);
COMMENT ON MACRO known_period IS 'The period of a subject that holds a day, an error where none is released. Used by the other macros.';
