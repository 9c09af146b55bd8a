SELECT id, customer, status, revision, CAST(cents AS DOUBLE) / 100e0 AS total
FROM messages
