-- known_period_kind('week'): the same.
-- Returns VARCHAR; raises an error for anything but a kind of period.
CREATE MACRO known_period_kind(every) AS (
    CASE
        WHEN every IN ('day', 'week', 'month') THEN every
        ELSE error(concat('no kind of period ''', every, ''': every is day, week or month'))
    END
);
COMMENT ON MACRO known_period_kind IS 'The kind of period, an error for an unknown one. Used by the other macros.';
