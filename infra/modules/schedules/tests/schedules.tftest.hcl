mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "foz-shop"
  schedules = {
    sweep   = { expression = "rate(1 minute)", input = "{\"sweep\":true}", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:foz-shop-dispatch" }
    archive = { expression = "cron(0 3 * * ? *)", input = "{}", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:foz-shop-archive" }
  }
}

run "each_schedule_invokes_its_function" {
  assert {
    condition     = { for key, schedule in aws_scheduler_schedule.this : schedule.name => one(schedule.target).arn } == { for key, schedule in var.schedules : "foz-shop-${key}" => schedule.function_arn }
    error_message = "Names are foz-<lake>-<schedule>."
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.this.policy).Statement : statement.Sid => statement.Resource } == {
      Sweep   = [var.schedules.sweep.function_arn]
      Archive = [var.schedules.archive.function_arn]
    }
    error_message = "The role invokes these functions, and nothing else."
  }
}

run "times_are_expressions" {
  command = plan

  variables {
    schedules = { sweep = { expression = "1 minute", input = "{}", function_arn = "arn:aws:lambda:us-east-1:123456789012:function:foz-shop-dispatch" } }
  }

  expect_failures = [var.schedules]
}
