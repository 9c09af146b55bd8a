# What is promised in pipeline.yaml, watched: dashboard and alarms.

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
  queues       = { hints = aws_sqs_queue.hints.name, dead = aws_sqs_queue.dead_hints.name }
  bucket       = module.lake.bucket
  table        = module.catalog.table
  alarm_topics = var.alarm_topics
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}
