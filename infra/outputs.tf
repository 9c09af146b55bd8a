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
  value = {
    ingest      = module.ingest.name
    dispatch    = module.dispatch.name
    transform   = module.transform.name
    consolidate = module.consolidate.name
  }
}

output "kms_key_arn" {
  description = "The key of all that is stored."
  value       = module.lake.kms_key_arn
}

output "raw_table" {
  description = "Name of the external table over the raw objects."
  value       = module.lake.raw_table
}
