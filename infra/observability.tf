# What is promised in pipeline.yaml, watched: dashboard and alarms.

locals {
  # Those that a bridge made here serves: one that runs elsewhere may tell nobody of itself.
  held_groups = !local.with_bridge || try(var.bridge.image_tag, null) == null || try(var.bridge.tasks, 1) == 0 ? [] : [
    for group in local.lock.groups : group.name if alltrue([for stream in group.streams : local.lock.streams[stream].door != "mapping"])
  ]

  # A drain that did not come twice is news; one by the clock is expected once a day.
  drain_rate    = try(regex("^rate\\((\\d+) (minute|hour|day)s?\\)$", var.bridge.drain_schedule), null)
  drain_silence = local.drain_rate == null ? 26 * 3600 : 2 * tonumber(local.drain_rate[0]) * { minute = 60, hour = 3600, day = 86400 }[local.drain_rate[1]]
  silence       = try(var.bridge.mode, "service") == "drain" ? min(7 * 86400, max(600, local.drain_silence)) : 300

  # Amazon MQ measures single queues of RabbitMQ 3 only.
  mapped_version = try(coalesce(try(var.broker.engine_version, null), one(data.aws_mq_broker.mapped[*].engine_version)), "")
  mapped_name    = local.with_broker ? local.name : one(data.aws_mq_broker.mapped[*].broker_name)
  measured       = startswith(local.mapped_version, "3.") && local.mapped_name != null ? local.mapped : {}
}

module "observability" {
  source = "./modules/observability"

  name      = local.name
  region    = var.region
  registry  = jsondecode(file("${path.module}/generated/registry.json"))
  streams   = { for name, stream in local.lock.streams : name => { max_latency = stream.max_latency_s, consolidate_every = stream.consolidate_every_s } }
  groups    = local.lock.groups
  functions = { for name, function in module.function : name => function.name }
  # One that a schedule starts is silent in between.
  bridge       = one([for bridge in module.bridge : { cluster = bridge.cluster, service = bridge.service } if bridge.service != null])
  held         = { groups = local.held_groups, silence = local.silence }
  mapped       = { for name, stream in local.measured : name => { broker = local.mapped_name, vhost = local.vhost, queue = stream.queue } }
  queues       = { hints = aws_sqs_queue.hints.name, dead = aws_sqs_queue.dead_hints.name }
  bucket       = module.lake.bucket
  table        = module.catalog.table
  alarm_topics = var.alarm_topics
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}
