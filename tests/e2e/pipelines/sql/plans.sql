SELECT id, CAST(code AS BIGINT) AS code
FROM messages
