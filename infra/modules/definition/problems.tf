# The mistakes that can be seen without `foz check`, each with its stream and field. The rest is foz's to find (lock.tf).

locals {
  settings = ["max_latency", "consolidate_every", "engine", "embedded_limit", "on_error", "buckets", "tombstones", "retain", "door"]
  known = {
    lake     = ["lake", "broker", "defaults", "streams"]
    broker   = ["secret", "vhost"]
    defaults = local.settings
    stream   = concat(["queue", "key", "columns", "references", "version", "delete_when", "transform"], local.settings)
  }
  doors = ["bridge", "mapping"]
  required = {
    queue   = "orders.state"
    key     = "[order_id]"
    columns = "{ order_id: string }"
  }

  written  = try({ for name, stream in local.parsed.streams : name => stream }, {})
  streams  = { for name, stream in local.written : name => stream if can(keys(stream)) }
  columns  = { for name, stream in local.streams : name => try(keys(stream.columns), []) }
  on_queue = { for name, stream in local.streams : try(tostring(stream.queue), "") => name... }
  references = flatten([
    for name, stream in local.streams : [
      for reference, target in try({ for reference, target in stream.references : reference => target }, {}) : {
        at      = "streams.${name}.references.${reference}"
        stream  = try(tostring(target.stream), tostring(target), "")
        of      = name
        columns = try(target.columns, [reference])
      }
    ]
  ])

  # Stream → in words, the first reference that connects it with another stream.
  ties = {
    for name, stream in local.streams : name => try(concat(
      [for each in local.references : "${name} refers to ${each.stream}" if each.of == name && each.stream != name],
      [for each in local.references : "${each.of} refers to ${name}" if each.stream == name && each.of != name],
    )[0], null)
  }

  shape = concat(
    [for key in try(keys(local.parsed), []) : "${key}: unknown key; known here: ${join(", ", local.known.lake)}" if !contains(local.known.lake, key)],
    [for key in try(keys(local.parsed.broker), []) : "broker.${key}: unknown key; known here: ${join(", ", local.known.broker)}" if !contains(local.known.broker, key)],
    [for key in try(keys(local.parsed.defaults), []) : "defaults.${key}: unknown key; known here: ${join(", ", local.known.defaults)}" if !contains(local.known.defaults, key)],
    [for door in compact([try(tostring(local.parsed.defaults.door), null)]) : "defaults.door: \"${door}\" is not bridge or mapping" if !contains(local.doors, door)],
    length(local.written) == 0 ? ["streams: no stream is defined"] : [],
    [for name in keys(local.written) : "streams.${name}: a mapping should stand here" if !contains(keys(local.streams), name)],
    [for name in keys(local.written) : "streams.${name}: \"${name}\" cannot name a stream: a-z first, then a-z, 0-9 and _" if !can(regex("^[a-z][a-z0-9_]{0,63}$", name))],
  )

  fields = flatten([
    for name, stream in local.streams : concat(
      [for key in keys(stream) : "streams.${name}.${key}: unknown key; known here: ${join(", ", local.known.stream)}" if !contains(local.known.stream, key)],
      [for key, example in local.required : "streams.${name}.${key}: is missing; such as ${key}: ${example}" if try(stream[key], null) == null],
      [for column in compact(try(tolist(stream.key), [])) : "streams.${name}.key: \"${column}\" is not among the columns" if !contains(local.columns[name], column)],
      [for column in compact([try(tostring(stream.version), null)]) : "streams.${name}.version: \"${column}\" is not among the columns" if !contains(local.columns[name], column)],
      [for door in compact([try(tostring(stream.door), null)]) : "streams.${name}.door: \"${door}\" is not bridge or mapping" if !contains(local.doors, door)],
    )
  ])

  across = concat(
    flatten([for queue, names in local.on_queue : [
      for name in slice(names, 1, length(names)) : "streams.${name}.queue: \"${queue}\" is already the queue of ${names[0]}; give each stream a queue of its own"
    ] if queue != ""]),
    [for each in local.references : "${each.at}: there is no stream \"${each.stream}\"" if !contains(keys(local.written), each.stream)],
    flatten([for each in local.references : [
      for column in each.columns : "${each.at}: \"${column}\" is not among the columns" if !contains(local.columns[each.of], column)
    ]]),
    [for name, stream in local.streams : "streams.${name}.transform: names an SQL file that is not beside pipeline.yaml, or stands on a line of its own; write `transform: path.sql` on one line"
    if can(regex("\\.sql$", stream.transform))],
    [for name, tie in local.ties : "streams.${name}.door: a mapping neither waits for another queue nor returns markers, but ${tie}; let the bridge bring it: write door: bridge"
    if tie != null && local.settled[name].door == "mapping"],
  )

  problems = concat(local.shape, local.fields, local.across)
}
