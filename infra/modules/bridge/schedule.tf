# Instead of the service: a task that forwards what is in the queues and ends. One that is still at work when the next
# begins holds its groups' locks; the next waits for them and finds little left.

resource "aws_scheduler_schedule" "drain" {
  #checkov:skip=CKV_AWS_297:the schedule has no input; there is nothing to keep secret
  count = local.draining ? 1 : 0

  name                = "${var.name}-drain"
  schedule_expression = var.drain_schedule

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = aws_ecs_cluster.this.arn
    role_arn = aws_iam_role.scheduler[0].arn

    ecs_parameters {
      task_definition_arn = aws_ecs_task_definition.this[0].arn
      launch_type         = "FARGATE"
      platform_version    = "1.4.0"

      network_configuration {
        subnets          = var.subnet_ids
        security_groups  = [aws_security_group.this.id]
        assign_public_ip = false
      }
    }

    retry_policy {
      maximum_retry_attempts       = 3
      maximum_event_age_in_seconds = 300 # the next period drains the same queues
    }
  }
}

resource "aws_iam_role" "scheduler" {
  count = local.draining ? 1 : 0

  name               = "${var.name}-scheduler"
  assume_role_policy = data.aws_iam_policy_document.assume["scheduler"].json
}

resource "aws_iam_role_policy" "scheduler" {
  count = local.draining ? 1 : 0

  name   = "run"
  role   = aws_iam_role.scheduler[0].id
  policy = data.aws_iam_policy_document.scheduler[0].json
}

data "aws_iam_policy_document" "scheduler" {
  count = local.draining ? 1 : 0

  statement {
    sid       = "Run"
    actions   = ["ecs:RunTask"]
    resources = ["${aws_ecs_task_definition.this[0].arn_without_revision}:*"]

    condition {
      test     = "ArnEquals"
      variable = "ecs:cluster"
      values   = [aws_ecs_cluster.this.arn]
    }
  }

  statement {
    sid       = "LendRoles"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.task.arn, aws_iam_role.execution.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ecs-tasks.amazonaws.com"]
    }
  }
}
