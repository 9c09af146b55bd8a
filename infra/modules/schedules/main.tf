resource "aws_scheduler_schedule" "this" {
  #checkov:skip=CKV_AWS_297:a schedule's input says what to do, such as {"sweep":true}; there is nothing to keep secret
  for_each = var.schedules

  name                = "${var.name}-${each.key}"
  schedule_expression = each.value.expression

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = each.value.function_arn
    role_arn = aws_iam_role.this.arn
    input    = each.value.input

    retry_policy {
      maximum_retry_attempts       = 0 # the next one is to come
      maximum_event_age_in_seconds = 60
    }
  }
}

# The sweep was the only one.
moved {
  from = aws_scheduler_schedule.sweep
  to   = aws_scheduler_schedule.this["sweep"]
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
    Statement = [for name, schedule in var.schedules : {
      Sid      = replace(title(replace(name, "-", " ")), " ", "")
      Effect   = "Allow"
      Action   = ["lambda:InvokeFunction"]
      Resource = [schedule.function_arn]
    }]
  })
}
