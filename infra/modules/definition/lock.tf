# `foz check --lock` knows every mistake, and the groups. What it found is bound to the files that it read.

locals {
  lock_path = "${local.folder}/pipeline.lock.json"
  lock      = fileexists(local.lock_path) ? jsondecode(file(local.lock_path)) : null
  locked    = try({ for name, digest in local.lock.files : name => digest }, {})

  fresh = contains(keys(local.locked), basename(var.pipeline)) && alltrue([
    for name, digest in local.locked : try(filesha256("${local.folder}/${name}"), null) == digest
  ])

  lock_problem = (
    local.lock == null ? (var.require_lock ? "pipeline.lock.json is not beside pipeline.yaml: run `foz check --lock`" : "") :
    try(local.lock.version, null) != 1 ? "pipeline.lock.json is of another version of foz: run `foz check --lock` again" :
    !local.fresh ? "pipeline.yaml or its SQL changed since `foz check --lock` wrote pipeline.lock.json: run it again" :
    ""
  )
}
