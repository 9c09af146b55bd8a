output "table" {
  description = "Name of the table."
  value       = aws_dynamodb_table.this.name
}

output "arn" {
  description = "ARN of the table."
  value       = aws_dynamodb_table.this.arn
}

output "pending_index_arn" {
  description = "ARN of the sparse index of groups with pending work."
  value       = "${aws_dynamodb_table.this.arn}/index/pending"
}
