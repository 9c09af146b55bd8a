# The whole of it: names, wiring, what each function is told. Who may do what is judged in tests/infra, on what was applied.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  pipeline = "modules/definition/tests/fixtures/right/pipeline.yaml"
  packages = "tests/fixtures/packages"
  bridge   = null
}

run "names_and_wiring" {
  assert {
    condition     = output.bucket == "foz-shop-123456789012" && output.table == "foz-shop" && output.glue_database == "shop"
    error_message = "Names come from the lake and the account."
  }

  assert {
    condition     = output.functions == { for name in keys(local.functions) : name => "foz-shop-${name}" }
    error_message = "Each function has its name."
  }

  assert {
    condition     = output.definition == "config/${sha256(module.definition.definition)}.yaml"
    error_message = "The definition is stored under its digest."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue_redrive_policy.hints.redrive_policy).deadLetterTargetArn == aws_sqs_queue.dead_hints.arn
    error_message = "A hint that cannot be handled goes to the dead letters."
  }

  assert {
    condition     = aws_sqs_queue.hints.visibility_timeout_seconds >= 2 * 30 && aws_lambda_event_source_mapping.hints.function_response_types == toset(["ReportBatchItemFailures"])
    error_message = "A hint stays hidden while dispatch may still work on it, and those that worked are not repeated."
  }

  assert {
    condition     = aws_sqs_queue.hints.kms_master_key_id == output.kms_key_arn && aws_sqs_queue.dead_hints.kms_master_key_id == output.kms_key_arn
    error_message = "Hints are encrypted with the lake's key."
  }
}

run "functions_that_get_other_times" {
  variables {
    timeout = { ingest = 90, dispatch = 45 }
  }

  assert {
    condition     = local.timeouts == { ingest = 90, dispatch = 45, transform = 900, consolidate = 900, compact = 900 }
    error_message = "The others keep theirs."
  }

  assert {
    condition     = aws_sqs_queue.hints.visibility_timeout_seconds == 90
    error_message = "A hint stays hidden while dispatch may still work on it."
  }

  assert {
    condition     = local.functions.ingest.environment.FOZ_INGEST_TIMEOUT == "90"
    error_message = "Ingest knows what it has."
  }
}

run "nothing_is_mapped_that_does_not_ask_for_it" {
  assert {
    condition     = length(aws_lambda_event_source_mapping.queues) == 0 && output.mapping == null && length(local.may.ingest) == 5
    error_message = "Streams come by the bridge unless they say otherwise, and ingest may do nothing for a mapping."
  }
}

run "a_stale_lock_stops_the_plan" {
  command = plan

  variables {
    pipeline = "modules/definition/tests/fixtures/stale/pipeline.yaml"
  }

  expect_failures = [terraform_data.definition]
}

run "a_definition_without_a_lock_stops_the_plan" {
  command = plan

  variables {
    pipeline = "modules/definition/tests/fixtures/unlocked/pipeline.yaml"
  }

  expect_failures = [terraform_data.definition]
}

run "a_lock_of_another_version_stops_the_plan" {
  command = plan

  variables {
    pipeline = "modules/definition/tests/fixtures/other_version/pipeline.yaml"
  }

  expect_failures = [terraform_data.definition]
}

run "no_such_definition" {
  command = plan

  variables {
    pipeline = "modules/definition/tests/fixtures/absent/pipeline.yaml"
  }

  expect_failures = [var.pipeline]
}

run "no_packages" {
  command = plan

  variables {
    packages = "tests/fixtures"
  }

  expect_failures = [var.packages]
}

run "functions_that_are_not_there" {
  command = plan

  variables {
    memory               = { ingest = 512, egress = 512 }
    reserved_concurrency = { egress = 1 }
  }

  expect_failures = [var.memory, var.reserved_concurrency]
}

run "times_of_functions_that_are_not_there" {
  command = plan

  variables {
    timeout = { ingest = 60, egress = 60 }
  }

  expect_failures = [var.timeout]
}

run "too_short_a_time" {
  command = plan

  variables {
    timeout = { dispatch = 29 }
  }

  expect_failures = [var.timeout]
}

run "too_long_a_time" {
  command = plan

  variables {
    timeout = { consolidate = 901 }
  }

  expect_failures = [var.timeout]
}

run "wrong_settings" {
  command = plan

  variables {
    architecture       = "riscv"
    memory             = { transform = 64 }
    log_retention_days = 31
    alarm_topics       = ["pager"]
    aws_endpoint_url   = "127.0.0.1:4566"
  }

  expect_failures = [var.architecture, var.memory, var.log_retention_days, var.alarm_topics, var.aws_endpoint_url]
}

run "the_same_lake_in_another_region_is_refused" {
  command = plan

  override_data {
    target = data.aws_iam_roles.same_name
    values = { names = ["foz-shop-dispatch"] }
  }

  override_data {
    target = data.aws_iam_role.same_name
    values = { tags = { region = "eu-west-1" } }
  }

  expect_failures = [terraform_data.name]
}

run "a_name_of_its_own_goes_before_all_names" {
  command = plan

  variables {
    name = "foz-shop-eu"
  }

  assert {
    condition     = local.bucket == "foz-shop-eu-123456789012" && local.functions.dispatch.environment.FOZ_TRANSFORM_FUNCTION == "foz-shop-eu-transform"
    error_message = "The name is not only the lake's."
  }
}
