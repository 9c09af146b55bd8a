SELECT carrier, number, state, from_country, from_code, to_country, to_code, changed,
  from_country || '>' || to_country AS way
FROM messages
