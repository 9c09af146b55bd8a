# How the parts that run in a network hang together.

mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_availability_zones" {
    defaults = { names = ["us-east-1a", "us-east-1b", "us-east-1c"] }
  }

  mock_data "aws_iam_policy_document" {
    defaults = { json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}" }
  }

  mock_data "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:there/already-AbCdEf" }
  }

  mock_data "aws_secretsmanager_random_password" {
    defaults = { random_password = "0123456789012345678901234567890123456789" }
  }

  mock_resource "aws_secretsmanager_secret" {
    defaults = { arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:two_streams/broker-AbCdEf" }
  }

  mock_resource "aws_mq_broker" {
    defaults = {
      id        = "b-1234"
      instances = [{ console_url = "", endpoints = ["amqps://b-1234.mq.us-east-1.on.aws:5671"], ip_address = "" }]
    }
  }

  mock_resource "aws_kms_key" {
    defaults = { arn = "arn:aws:kms:us-east-1:123456789012:key/mocked" }
  }

  mock_resource "aws_sqs_queue" {
    defaults = { arn = "arn:aws:sqs:us-east-1:123456789012:mocked" }
  }

  mock_resource "aws_lambda_function" {
    defaults = { arn = "arn:aws:lambda:us-east-1:123456789012:function:mocked" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/mocked" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:us-east-1:123456789012:cluster/mocked" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = {
      arn                  = "arn:aws:ecs:us-east-1:123456789012:task-definition/mocked:1"
      arn_without_revision = "arn:aws:ecs:us-east-1:123456789012:task-definition/mocked"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:us-east-1:123456789012:log-group:mocked" }
  }

  mock_resource "aws_glue_catalog_database" {
    defaults = { arn = "arn:aws:glue:us-east-1:123456789012:database/two_streams" }
  }
}

variables {
  pipeline     = "../tests/stack/fixtures/two_streams.yaml"
  require_lock = false
  packages     = "tests/fixtures/packages"
}

run "the_local_cloud_has_no_network" {
  variables {
    aws_endpoint_url = "http://127.0.0.1:1"
    network          = { create = true }
    broker           = {}
    emr              = {}
  }

  assert {
    condition     = length(module.network) + length(module.broker) + length(module.bridge) + length(module.emr) == 0
    error_message = "An emulated AWS gets a process instead."
  }
}

run "everything_made" {
  variables {
    network = { create = true }
    bridge  = { image_tag = "0.1.0" }
    broker  = {}
    emr     = {}
  }

  assert {
    condition     = output.bridge.service == "bridge" && output.broker_host == "b-1234.mq.us-east-1.on.aws"
    error_message = "A bridge and a broker."
  }

  assert {
    condition     = output.broker_permissions == { configure = "^foz\\.two_streams\\.[a-z0-9_]+\\.lock$", write = "^amq\\.default$", read = "^(flights\\.state|planes\\.state)$" }
    error_message = "The bridge asks the broker's own management API, and reads the queues of pipeline.yaml."
  }

  assert {
    condition     = jsondecode(output.emr_launch).Name == "foz-two-streams-emr"
    error_message = "Clusters have their launch settings."
  }
}

run "without_a_place_no_bridge_and_a_warning" {
  command         = plan
  expect_failures = [check.bridge]

  assert {
    condition     = length(module.bridge) == 0
    error_message = "There is no place for a bridge."
  }
}

run "a_bridge_elsewhere_is_no_matter" {
  command = plan

  variables {
    bridge = null
  }

  assert {
    condition     = length(module.bridge) == 0
    error_message = "No bridge was asked for."
  }
}

run "a_bridge_needs_a_broker" {
  command = plan

  variables {
    network = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"] }
  }

  expect_failures = [data.aws_secretsmanager_secret.broker]
}

run "a_broker_needs_a_place" {
  command = plan

  variables {
    bridge = null
    broker = {}
    emr    = {}
  }

  expect_failures = [var.broker, var.emr]
}

run "a_network_is_made_or_there" {
  command = plan

  variables {
    network = { create = true, subnet_ids = ["subnet-1"] }
  }

  expect_failures = [var.network]
}
