output "launch" {
  description = "What a cluster is launched with: the request of RunJobFlow in JSON."
  value       = jsonencode(local.launch)
}

output "policy" {
  description = "What whoever launches clusters must be allowed: an IAM policy document in JSON."
  value       = data.aws_iam_policy_document.launcher.json
}

output "node_role_arn" {
  description = "Role of what runs on a cluster, for policies of keys and buckets."
  value       = aws_iam_role.node.arn
}

output "service_role_arn" {
  description = "Role of EMR itself."
  value       = aws_iam_role.service.arn
}
