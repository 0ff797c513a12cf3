-- How many withdrawals and erasures have no sound time, so that they are in force for good.
-- in:  standing (requests)
-- out: request_undated
SELECT count(*) FILTER (WHERE undated) AS request_undated
FROM standing
