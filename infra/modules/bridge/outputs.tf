output "repository_url" {
  description = "Where the bridge's image is pushed."
  value       = aws_ecr_repository.this.repository_url
}

output "cluster" {
  description = "Name of the ECS cluster."
  value       = aws_ecs_cluster.this.name
}

output "service" {
  description = "Name of the service; null without one."
  value       = one(aws_ecs_service.this[*].name)
}

output "schedule" {
  description = "Name of the schedule of the draining task; null without one."
  value       = one(aws_scheduler_schedule.drain[*].name)
}

output "log_group" {
  description = "Name of the log group."
  value       = aws_cloudwatch_log_group.this.name
}

output "security_group_id" {
  description = "The bridge's security group: the broker lets it in."
  value       = aws_security_group.this.id
}

output "task_role_arn" {
  description = "Role of the bridge itself, for policies of keys and buckets."
  value       = aws_iam_role.task.arn
}

output "permissions" {
  description = "What the bridge's user may do at the broker: patterns of configure, write and read."
  value       = local.permissions
}

output "set_permissions" {
  description = "The same as a command of the broker's own tool, for a user named foz."
  value = join(" ", [
    "rabbitmqctl set_permissions -p '${var.vhost}' foz",
    "'${local.permissions.configure}' '${local.permissions.write}' '${local.permissions.read}'",
  ])
}
