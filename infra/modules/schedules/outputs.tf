output "sweep" {
  description = "Name of the schedule of the sweep."
  value       = aws_scheduler_schedule.sweep.name
}
