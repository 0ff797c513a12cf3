-- Everybody about whom eligibility decides where only visitors count.
-- in:  visitors
-- out: person_key; one row a person
SELECT person_key FROM visitors
