-- direction_of(least, most, least before, most before): more or fewer where that is certain.
-- Returns VARCHAR: more, fewer or not known; null where a bound is missing.
CREATE MACRO direction_of(now_least, now_most, before_least, before_most) AS (
    CASE
        WHEN now_least > before_most THEN 'more'
        WHEN now_most < before_least THEN 'fewer'
        WHEN now_least + now_most + before_least + before_most IS NOT NULL THEN 'not known'
    END
);
COMMENT ON MACRO direction_of IS 'Whether two bounded numbers of people differ for certain. Used by the other macros.';
