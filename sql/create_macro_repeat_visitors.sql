-- repeat_visitors('camp01', 'everyone'): how many people of a week, or month, came on several of its
-- days. Only of periods all of whose days are released and published.
-- Columns: period_start, period, status (published; suppressed where the figure of the period or of a
-- day is; incomplete where a day is not released), people, days (on which the campaign ran),
-- sum_of_days, estimate_least, estimate_most (null unless published).
-- The last two are estimates. People who came on two days or more lie between them if everyone counts
-- in the same segment and campaign in the week and on its days. A period counts anew: a person of the
-- week may count on no day (late visit, moved), and one of a day not in the week (consent withdrawn,
-- another age, another of two campaigns).
CREATE MACRO repeat_visitors(wanted, wanted_segment, every := 'week') AS TABLE
WITH longer AS MATERIALIZED (
    SELECT period_start, period_end, period, status, people, people_least, people_most
    FROM figures_of(
        wanted, wanted_segment,
        every := CASE WHEN every = 'day' THEN error('a day has no repeat visitors: every is week or month') ELSE every END
    )
),
daily AS (
    SELECT longer.period, answer.people, answer.people_least, answer.people_most,
           row_number() OVER (
               PARTITION BY longer.period ORDER BY answer.people_least DESC NULLS LAST
           ) AS place
    FROM longer
    JOIN (FROM figures_of(wanted, wanted_segment)) AS answer
      ON answer.period_start BETWEEN longer.period_start AND longer.period_end
),
released AS (
    SELECT longer.period, count(*) AS days
    FROM longer
    JOIN releases AS one
      ON one.subject_kind = 'campaign' AND one.period_kind = 'day' AND one.corrected_by IS NULL
     AND one.period_start BETWEEN longer.period_start AND longer.period_end
    GROUP BY longer.period
),
-- The busiest days together have so many people more than the period that some came on several.
repeated AS (
    SELECT daily.period, daily.place,
           sum(daily.people_least) OVER (PARTITION BY daily.period ORDER BY daily.place) AS busiest
    FROM daily
),
bounded AS (
    SELECT longer.period,
           max((repeated.busiest - longer.people_most + repeated.place - 2) // (repeated.place - 1))
               AS least
    FROM longer JOIN repeated ON repeated.period = longer.period
    WHERE repeated.place > 1
    GROUP BY longer.period
),
summed AS (
    SELECT period, count(*) AS days, count(people) AS published, sum(people) AS people,
           sum(people_most) AS most
    FROM daily
    GROUP BY period
),
judged AS (
    SELECT longer.*, summed.days, summed.people AS sum_of_days, summed.most, bounded.least,
           CASE
               WHEN coalesce(released.days, 0) < longer.period_end - longer.period_start + 1
                   THEN 'incomplete'
               WHEN longer.people IS NULL OR summed.published < summed.days THEN 'suppressed'
               ELSE 'published'
           END AS answer
    FROM longer
    LEFT JOIN released ON released.period = longer.period
    LEFT JOIN summed ON summed.period = longer.period
    LEFT JOIN bounded ON bounded.period = longer.period
)
SELECT period_start, period, answer AS status, people, coalesce(days, 0) AS days,
       CASE WHEN answer = 'published' THEN sum_of_days END AS sum_of_days,
       CASE WHEN answer = 'published' THEN greatest(coalesce(least, 0), 0) END AS estimate_least,
       CASE
           WHEN answer = 'published' THEN greatest(least(most - people_least, people_most), 0)
       END AS estimate_most
FROM judged
ORDER BY period_start;
COMMENT ON MACRO TABLE repeat_visitors IS 'Estimates of how many people of each week came on several days, where all days are published. They hold for people who count in the same segment in the week and on its days; some count in one of the two alone: FROM repeat_visitors(''camp01'', ''everyone''); or every := ''month''.';
