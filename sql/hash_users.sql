-- User ids as keyed hashes. An absent id stays null.
-- in:  ids(position, id): in their one form (identifiers.py)
-- out: person_key BLOB
-- parameters: $person_key BLOB
SELECT unhex(substr(sha256($person_key || encode(id)), 1, 32)) AS person_key
FROM ids
ORDER BY position
