-- SELECT total_people(people, partition) FROM figures_by('gender') GROUP BY partition: the published
-- figures of a group of rows, added up.
-- Returns HUGEINT; raises an error where rows of the group count the same people.
CREATE MACRO total_people(figures_of_parts, partition_of_parts) AS (
    CASE
        WHEN count(*) = count(partition_of_parts) AND count(DISTINCT partition_of_parts) <= 1
            THEN sum(figures_of_parts)
        ELSE error('these figures count some people twice and do not add up: add up within one partition of figures_by (GROUP BY partition)')
    END
);
COMMENT ON MACRO total_people IS 'The sum of figures that count different people, an error for others: SELECT total_people(people, partition) FROM figures_by(''gender'') GROUP BY partition.';
