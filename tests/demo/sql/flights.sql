-- One message in, one row out: the clock on the airport's wall, kilometres, and how bad the delay is.
SELECT
  flight_id,
  status,
  carrier,
  flight,
  tailnum,
  origin,
  dest,
  origin || '-' || dest AS route,
  scheduled_departure,
  lpad(CAST(hour AS STRING), 2, '0') || ':' || lpad(CAST(minute AS STRING), 2, '0') AS local_departure,
  departure,
  arrival,
  dep_delay,
  arr_delay,
  dep_delay - arr_delay AS made_up,
  CASE
    WHEN status = 'cancelled' THEN 'cancelled'
    WHEN dep_delay < 15 THEN 'on time'
    WHEN dep_delay < 60 THEN 'late'
    WHEN dep_delay >= 60 THEN 'very late'
  END AS delay_class,
  distance * 1.609344e0 AS distance_km,
  updated_at
FROM messages
