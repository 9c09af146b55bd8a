# How the parts that run in a network hang together.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  pipeline = "tests/fixtures/two_streams/pipeline.yaml"
  packages = "tests/fixtures/packages"
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
