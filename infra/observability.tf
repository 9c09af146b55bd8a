# What is promised in pipeline.yaml, watched: dashboard and alarms.

locals {
  settings = [try(local.written.defaults, null), module.definition.streams]
  units    = { s = 1, m = 60, h = 3600, d = 86400 }

  # Both latencies of each stream as written, else as written for all, else as `foz_pipeline::Settings` has them.
  latencies = {
    for name, stream in local.settings[1] : name => {
      for key in ["max_latency", "consolidate_every"] : key => try(regex("^([0-9]+) *([smhd])$", coalesce(try(stream[key], null), try(local.settings[0][key], null))), null)
    }
  }
  seconds = {
    for name, latency in local.latencies : name => {
      for key, written in latency : key => try(tonumber(written[0]) * local.units[written[1]], null)
    }
  }
  promised = {
    for name, second in local.seconds : name => {
      max_latency       = coalesce(second.max_latency, 60)
      consolidate_every = coalesce(second.consolidate_every, max(1, floor(coalesce(second.max_latency, 60) / 3)))
    }
  }
}

module "observability" {
  source = "./modules/observability"

  name    = local.name
  region  = var.region
  streams = local.promised
  # Without a lock there is no telling which streams references connect: each is watched as a group of its own.
  groups = coalesce(module.definition.groups, [for name in keys(local.promised) : { name = name, streams = [name] }])
  functions = {
    ingest      = module.ingest.name
    dispatch    = module.dispatch.name
    transform   = module.transform.name
    consolidate = module.consolidate.name
  }
  queues       = { hints = aws_sqs_queue.hints.name, dead = aws_sqs_queue.dead_hints.name }
  bucket       = module.lake.bucket
  table        = module.catalog.table
  alarm_topics = var.alarm_topics
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}
