# Hints may be lost; the sweep finds what they should have told of.
resource "aws_scheduler_schedule" "sweep" {
  #checkov:skip=CKV_AWS_297:the schedule's input is {"sweep":true}; there is nothing to keep secret
  name                = "${var.name}-sweep"
  schedule_expression = var.period

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = var.target_arn
    role_arn = aws_iam_role.this.arn
    input    = jsonencode({ sweep = true })

    retry_policy {
      maximum_retry_attempts       = 0 # the next sweep is a minute away
      maximum_event_age_in_seconds = 60
    }
  }
}

data "aws_caller_identity" "this" {}

resource "aws_iam_role" "this" {
  name = "${var.name}-schedules"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      # Another account's schedule must not borrow the role.
      Condition = { StringEquals = { "aws:SourceAccount" = data.aws_caller_identity.this.account_id } }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "invoke"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "Sweep"
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [var.target_arn]
    }]
  })
}
