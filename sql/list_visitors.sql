-- The candidates for eligibility where only visitors count.
-- in:  visitors
-- out: person_key; one row a person
SELECT person_key FROM visitors
