output "definition" {
  description = "The text that the functions read."
  value       = local.definition
}

output "digest" {
  description = "SHA-256 of that text."
  value       = local.digest
}

output "lake" {
  description = "Name of the lake."
  value       = local.parsed.lake
}

output "streams" {
  description = "Stream → its `queue`, its `door`, and in seconds its `max_latency` and `consolidate_every`."
  value       = local.settled
}

output "groups" {
  description = "Streams that are connected by references, as `foz check --lock` found them; null without a lock."
  value       = try([for group in local.lock.groups : { name = group.name, streams = group.streams[*].stream }], null)
}

output "problems" {
  description = "What is wrong, one sentence each. Of the lock only when nothing else is."
  value       = length(local.problems) > 0 ? local.problems : compact([local.lock_problem])
}
