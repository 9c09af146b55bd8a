SELECT id, part, revision, note, CAST(code AS BIGINT) AS code, price * price AS area, day, at, flag, small, ratio, wall, bytes, words, scores, nest
FROM messages
