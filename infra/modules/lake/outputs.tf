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
  description = "What a policy must name beside the tables: the account's Glue catalog and the database."
  value = [
    replace(aws_glue_catalog_database.this.arn, "/:database\\/.*$/", ":catalog"),
    aws_glue_catalog_database.this.arn,
  ]
}

output "table_arn_prefix" {
  description = "Beginning of the ARNs of the database's tables; a table's name follows."
  value       = replace(aws_glue_catalog_database.this.arn, "/:database\\/(.*)$/", ":table/$1/")
}

output "raw_table" {
  description = "Name of the external table over the raw objects."
  value       = aws_glue_catalog_table.raw.name
}

output "kms_key_arn" {
  description = "The key of all that is stored."
  value       = local.key_arn
}
