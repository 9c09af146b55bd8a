-- what a passenger wants to know
SELECT flight_id, dep_delay > 15 AS late, tailnum, updated_at
FROM messages
WHERE status <> 'draft'
