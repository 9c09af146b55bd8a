output "bucket" {
  description = "Name of the bucket."
  value       = aws_s3_bucket.this.bucket
}

output "bucket_arn" {
  description = "ARN of the bucket."
  value       = aws_s3_bucket.this.arn
}

output "definition_key" {
  description = "Key of the definition, once it is there."
  value       = aws_s3_object.definition.key
}

output "glue_database" {
  description = "Name of the Glue database."
  value       = aws_glue_catalog_database.this.name
}

output "glue_arns" {
  description = "What a policy on all of the database's tables must name."
  value       = concat(local.above_tables, ["${local.table_arn}*"])
}

output "above_tables" {
  description = "What a policy on some tables must name beside them: the account's Glue catalog and the database."
  value       = local.above_tables
}

output "table_arn" {
  description = "Beginning of the ARNs of the database's tables; a table's name follows."
  value       = local.table_arn
}

output "raw_table" {
  description = "Name of the external table over the raw objects."
  value       = aws_glue_catalog_table.raw.name
}

output "kms_key_arn" {
  description = "The key of all that is stored."
  value       = local.key_arn
}
