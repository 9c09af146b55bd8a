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
  description = "What a policy on the database's tables must name."
  value = [
    replace(aws_glue_catalog_database.this.arn, "/:database\\/.*$/", ":catalog"),
    aws_glue_catalog_database.this.arn,
    replace(aws_glue_catalog_database.this.arn, "/:database\\/(.*)$/", ":table/$1/*"),
  ]
}
