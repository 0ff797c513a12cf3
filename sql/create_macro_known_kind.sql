-- known_kind('campaign'): the same.
-- Returns VARCHAR; raises an error for anything but a kind of subject.
CREATE MACRO known_kind(kind) AS (
    CASE
        WHEN kind IN ('campaign', 'interest', 'audience') THEN kind
        ELSE error(concat('no kind of subject ''', kind, ''': kind is campaign, interest or audience'))
    END
);
COMMENT ON MACRO known_kind IS 'The kind of subject, an error for an unknown one. Used by the other macros.';
