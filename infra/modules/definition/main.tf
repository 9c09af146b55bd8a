# What `foz check --lock` found pipeline.yaml to mean. The lock is all that Terraform reads: it interprets no YAML.

locals {
  folder  = dirname(var.pipeline)
  path    = "${local.folder}/pipeline.lock.json"
  text    = try(file(local.path), "{}")
  version = try(jsondecode(local.text).version, null)

  # Stands in for a lock that cannot be read, so that this is the only thing that a plan complains of.
  none = {
    lake     = "unknown"
    broker   = { secret = null, vhost = "/" }
    streams  = { unknown = { queue = "unknown", door = "bridge", max_latency_s = 60, consolidate_every_s = 20 } }
    groups   = [{ name = "unknown", streams = ["unknown"] }]
    files    = {}
    digest   = sha256("")
    resolved = []
  }
  lock     = merge(local.none, jsondecode(local.version == 2 ? local.text : "{}"))
  resolved = join("", [for line in local.lock.resolved : "${line}\n"])

  fresh = contains(keys(local.lock.files), basename(var.pipeline)) && sha256(local.resolved) == local.lock.digest && alltrue([
    for name, digest in local.lock.files : try(filesha256("${local.folder}/${name}"), null) == digest
  ])

  problem = (
    !fileexists(local.path) ? "pipeline.lock.json is not beside pipeline.yaml: run `foz check --lock ${var.pipeline}`" :
    local.version != 2 ? "pipeline.lock.json is of another version of foz: run `foz check --lock ${var.pipeline}` again" :
    !local.fresh ? "pipeline.yaml, its SQL or the lock changed since foz wrote pipeline.lock.json: run `foz check --lock ${var.pipeline}` again" :
    null
  )
}
