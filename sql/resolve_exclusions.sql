-- Everyone excluded, each with the first reason that applies.
-- in:  claims (person_key, precedence), reasons (precedence, reason), candidates
-- out: person_key, reason; one row a person, ordered by person_key
SELECT first_claim.person_key, reasons.reason
FROM (
    SELECT person_key, min(precedence) AS precedence
    FROM claims
    WHERE EXISTS (SELECT 1 FROM candidates WHERE candidates.person_key = claims.person_key)
    GROUP BY person_key
) AS first_claim
JOIN reasons ON reasons.precedence = first_claim.precedence
ORDER BY first_claim.person_key
