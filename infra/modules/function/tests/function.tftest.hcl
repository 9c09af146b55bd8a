mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name               = "foz-shop-work"
  package            = "tests/program.zip"
  architecture       = "arm64"
  memory             = 512
  timeout            = 30
  environment        = { FOZ_BUCKET = "b" }
  kms_key_arn        = "arn:aws:kms:us-east-1:123456789012:key/1"
  log_retention_days = 30
  permissions        = [{ sid = "Read", actions = ["s3:GetObject"], resources = ["arn:aws:s3:::b/config/*"] }]
}

run "what_it_is" {
  assert {
    condition     = aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap"
    error_message = "A program of its own runs on the bare runtime."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/foz-shop-work" && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "Its log has the name that Lambda writes to, and is encrypted."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == -1 && length(aws_lambda_function_event_invoke_config.this) == 0
    error_message = "Nothing is reserved, and nothing said about asynchronous events, unless asked for."
  }

  assert {
    condition = jsondecode(aws_iam_role_policy.this.policy).Statement == [
      { Sid = "Read", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::b/config/*"] },
      {
        Sid      = "Log", Effect = "Allow", Action = ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource = ["arn:aws:logs:us-east-1:123456789012:log-group:mocked:*"]
      },
    ]
    error_message = "It may do what it was given, and write its own log: ${aws_iam_role_policy.this.policy}"
  }

  assert {
    condition     = jsondecode(aws_iam_role.this.assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "Only Lambda takes the role."
  }
}

run "asynchronous_events_are_not_repeated" {
  variables {
    asynchronous = { on_failure = "arn:aws:sqs:us-east-1:123456789012:hints" }
    tracing      = true
  }

  assert {
    condition = (
      aws_lambda_function_event_invoke_config.this[0].maximum_retry_attempts == 0 &&
      aws_lambda_function_event_invoke_config.this[0].maximum_event_age_in_seconds == 60 &&
      aws_lambda_function_event_invoke_config.this[0].destination_config[0].on_failure[0].destination == "arn:aws:sqs:us-east-1:123456789012:hints"
    )
    error_message = "A failed event goes to the queue at once."
  }

  assert {
    condition     = aws_lambda_function.this.tracing_config[0].mode == "Active" && strcontains(aws_iam_role_policy.this.policy, "xray:PutTraceSegments")
    error_message = "What is traced may write traces."
  }
}

run "wildcard_actions_are_refused" {
  command = plan

  variables {
    permissions = [{ sid = "All", actions = ["s3:Get*"], resources = ["arn:aws:s3:::b/*"] }]
  }

  expect_failures = [var.permissions]
}

run "grants_on_everything_are_refused" {
  command = plan

  variables {
    permissions = [{ sid = "All", actions = ["s3:GetObject"], resources = ["*"] }]
  }

  expect_failures = [var.permissions]
}

run "what_has_no_resource_may_name_none" {
  command = plan

  variables {
    permissions = [{ sid = "Network", actions = ["ec2:DescribeSubnets", "ec2:DescribeVpcs"], resources = ["*"] }]
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this.policy).Statement[0].Resource == ["*"]
    error_message = "EC2 knows no resource to look at a network."
  }
}

run "nothing_else_goes_with_it" {
  command = plan

  variables {
    permissions = [{ sid = "Network", actions = ["ec2:DescribeSubnets", "ec2:DeleteNetworkInterface"], resources = ["*"] }]
  }

  expect_failures = [var.permissions]
}

run "variables_that_are_not_ours_are_refused" {
  command = plan

  variables {
    environment = { AWS_REGION = "us-east-1" }
  }

  expect_failures = [var.environment]
}

run "limits_of_lambda" {
  command = plan

  variables {
    name                 = "foz-a-name-that-is-longer-than-the-sixty-four-characters-that-lambda-takes"
    architecture         = "riscv"
    memory               = 64
    timeout              = 901
    reserved_concurrency = 0
  }

  expect_failures = [var.name, var.architecture, var.memory, var.timeout, var.reserved_concurrency]
}
