# What is promised in pipeline.yaml, watched: dashboard and alarms.

module "observability" {
  source = "./modules/observability"

  name    = local.name
  region  = var.region
  streams = module.definition.streams
  # Without a lock there is no telling which streams references connect: each is watched as a group of its own.
  groups    = coalesce(module.definition.groups, [for name in keys(module.definition.streams) : { name = name, streams = [name] }])
  functions = { for name, function in module.function : name => function.name }
  # One that a schedule starts is silent in between.
  bridge       = one([for bridge in module.bridge : { cluster = bridge.cluster, service = bridge.service } if bridge.service != null])
  queues       = { hints = aws_sqs_queue.hints.name, dead = aws_sqs_queue.dead_hints.name }
  bucket       = module.lake.bucket
  table        = module.catalog.table
  alarm_topics = var.alarm_topics
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}
