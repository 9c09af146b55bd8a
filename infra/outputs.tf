output "region" {
  description = "Region of the lake."
  value       = var.region
}

output "lake" {
  description = "Name of the lake."
  value       = local.lake
}

output "bucket" {
  description = "Bucket of raw objects, tables and definitions."
  value       = module.lake.bucket
}

output "table" {
  description = "DynamoDB table of the catalog."
  value       = module.catalog.table
}

output "glue_database" {
  description = "Glue database of the Iceberg tables."
  value       = module.lake.glue_database
}

output "definition" {
  description = "Key of the current definition in the bucket."
  value       = module.lake.definition_key
}

output "hint_queue_url" {
  description = "SQS queue of hints."
  value       = aws_sqs_queue.hints.url
}

output "functions" {
  description = "Names of the functions."
  value       = { for name, function in module.function : name => function.name }
}

output "kms_key_arn" {
  description = "The key of all that is stored."
  value       = module.lake.kms_key_arn
}

output "raw_table" {
  description = "Name of the external table over the raw objects."
  value       = module.lake.raw_table
}

output "bridge" {
  description = "The bridge on ECS: where its image is pushed, its cluster, service or schedule, and log group; null without one."
  value = one([for bridge in module.bridge : {
    repository_url  = bridge.repository_url
    cluster         = bridge.cluster
    service         = bridge.service
    schedule        = bridge.schedule
    log_group       = bridge.log_group
    set_permissions = bridge.set_permissions
  }])
}

output "broker_host" {
  description = "Host of the broker that was made; null without one."
  value       = one(module.broker[*].host)
}

output "broker_permissions" {
  description = "What the bridge's user may do at the broker, as RabbitMQ's management API takes it; null without a bridge."
  value       = one(module.bridge[*].permissions)
}

output "mapping" {
  description = "The event source mapping's user at the broker: the secret that holds it, and what it may do, as RabbitMQ's management API takes it; null without one."
  value = one([for secret in [local.mapped_secret] : {
    secret_arn = secret
    permissions = {
      configure = "^$"
      write     = "^$"
      read      = "^(${join("|", [for stream in values(local.mapped) : replace(stream.queue, "/([^A-Za-z0-9_-])/", "\\$1")])})$"
    }
  } if local.with_mapping])
}

output "emr_launch" {
  description = "What clusters are launched with, the request of RunJobFlow in JSON; null without."
  value       = one(module.emr[*].launch)
}
