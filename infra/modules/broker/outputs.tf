output "secret_arn" {
  description = "The secret for the broker's URL: empty until the administrator fills it."
  value       = aws_secretsmanager_secret.bridge.arn
}

output "administrator_secret_arn" {
  description = "The secret with the administrator's password."
  value       = aws_secretsmanager_secret.administrator.arn
}

output "mapping_secret_arn" {
  description = "The secret for user and password of Lambda's event source mapping: empty until the administrator fills it; null without a mapping."
  value       = one(aws_secretsmanager_secret.mapping[*].arn)
}

output "security_group_id" {
  description = "The broker's security group, which Lambda's network interfaces share."
  value       = aws_security_group.this.id
}

output "subnet_ids" {
  description = "Where the nodes are."
  value       = aws_mq_broker.this.subnet_ids
}

output "id" {
  description = "Amazon MQ's id of the broker, for metrics."
  value       = aws_mq_broker.this.id
}

output "name" {
  description = "Name of the broker, for metrics."
  value       = aws_mq_broker.this.broker_name
}

output "arn" {
  description = "ARN of the broker."
  value       = aws_mq_broker.this.arn
}

output "host" {
  description = "Name of the broker's host."
  value       = local.host
}

output "management_url" {
  description = "The management API."
  value       = "https://${local.host}"
}
