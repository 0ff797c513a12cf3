-- Forgets the rows of a file that turns out to be refused.
-- in:  claims
-- parameters: $file
DELETE FROM claims
WHERE file = $file
