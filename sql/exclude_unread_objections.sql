-- People with a request that cannot be read, whenever that was: it may be an objection. They count
-- again once someone has decided about it or it was delivered in a form that can be read.
-- in:  requests
-- out: person_key
SELECT DISTINCT person_key
FROM requests
WHERE kind = 'unread'
