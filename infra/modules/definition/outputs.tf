output "problem" {
  description = "Why the lock cannot be used, and what to run; null if it can."
  value       = local.problem
}

output "lock" {
  description = "What the lock says: `lake`, `digest`, `broker` (`secret`, null if none is named, and `vhost`), `streams` (stream → `queue`, `door`, `max_latency_s`, `consolidate_every_s`) and `groups` (each with `name` and `streams`)."
  value       = local.lock
}

output "definition" {
  description = "The resolved text, which the functions read. Its SHA-256 is the lock's `digest`."
  value       = local.resolved
}
