output "dashboard" {
  description = "Name of the dashboard."
  value       = aws_cloudwatch_dashboard.this.dashboard_name
}

output "alarms" {
  description = "Name of each alarm → its ARN."
  value       = { for alarm in concat(values(aws_cloudwatch_metric_alarm.own), values(aws_cloudwatch_metric_alarm.foreign)) : alarm.alarm_name => alarm.arn }
}
