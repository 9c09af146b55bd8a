# `foz check --lock` knows every mistake, and the groups. What it found is bound to the text that it read.

locals {
  lock_path = "${local.folder}/pipeline.lock.json"
  lock      = fileexists(local.lock_path) ? jsondecode(file(local.lock_path)) : null

  lock_problems = [for problem in [
    local.lock == null ? (var.require_lock ? "pipeline.lock.json is not beside pipeline.yaml: run `foz check --lock`" : null) :
    try(local.lock.version, null) != 1 ? "pipeline.lock.json is of another version of foz: run `foz check --lock` again" :
    try(local.lock.pipeline, null) != local.digest ? "pipeline.yaml or its SQL changed since `foz check --lock` wrote pipeline.lock.json: run it again" :
    null
  ] : problem if problem != null]
}
