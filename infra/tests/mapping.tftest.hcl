# The second front door: which queues it maps, and how the first one keeps off them.

mock_provider "aws" {
  source = "./tests/mocks"

  mock_data "aws_mq_broker" {
    defaults = { engine_type = "RabbitMQ", subnet_ids = ["subnet-there"], security_groups = ["sg-there"] }
  }
}

# One stream comes by the bridge, three by the mapping.
variables {
  pipeline = "modules/definition/tests/fixtures/doors/pipeline.yaml"
  packages = "tests/fixtures/packages"
  network  = { vpc_id = "vpc-1", subnet_ids = ["subnet-1"] }
  mapping = {
    broker_arn     = "arn:aws:mq:us-east-1:123456789012:broker:there:b-there"
    secret_arn     = "arn:aws:secretsmanager:us-east-1:123456789012:secret:there/mapping-AbCdEf"
    secret_key_arn = "arn:aws:kms:us-east-1:123456789012:key/secret"
  }
}

run "each_stream_has_one_door" {
  variables {
    bridge = { image_tag = "0.1.0" }
  }

  assert {
    condition = { for stream, mapping in aws_lambda_event_source_mapping.queues : stream => mapping.queues } == {
      employees = tolist(["employees.state"])
      orders    = tolist(["orders.state"])
      products  = tolist(["products.state"])
    }
    error_message = "A mapping for each stream that asks for one, with its queue and no other."
  }

  assert {
    condition     = output.broker_permissions.read == "^(customers\\.state)$" && output.mapping.permissions.read == "^(employees\\.state|orders\\.state|products\\.state)$"
    error_message = "Bridge and mapping read their own queues only."
  }

  assert {
    condition     = module.observability.alarms["foz-shop-bridge-silent"] != ""
    error_message = "A bridge that must always speak is watched."
  }
}

run "how_lambda_consumes" {
  assert {
    condition     = { for stream, mapping in aws_lambda_event_source_mapping.queues : stream => mapping.maximum_batching_window_in_seconds } == { employees = 30, orders = 1, products = 300 }
    error_message = "A third of max_latency, from one second to five minutes."
  }

  assert {
    condition     = alltrue([for mapping in values(aws_lambda_event_source_mapping.queues) : mapping.event_source_arn == var.mapping.broker_arn && mapping.function_name == module.function["ingest"].arn])
    error_message = "From the broker that was named to ingest."
  }

  assert {
    condition     = alltrue([for mapping in values(aws_lambda_event_source_mapping.queues) : mapping.batch_size == 1000 && mapping.enabled])
    error_message = "A thousand messages at most, unless another number is given."
  }

  assert {
    condition = alltrue([
      for mapping in values(aws_lambda_event_source_mapping.queues) :
      { for access in mapping.source_access_configuration : access.type => access.uri } == { BASIC_AUTH = var.mapping.secret_arn, VIRTUAL_HOST = "shop" }
    ])
    error_message = "As the user of the secret, in the virtual host of pipeline.yaml."
  }

  assert {
    condition = jsonencode({ for each in local.may.ingest : each.sid => each.resources if can(each.conditions.Null) }) == jsonencode({
      Broker        = [var.mapping.broker_arn]
      BrokerUser    = [var.mapping.secret_arn]
      BrokerUserKey = [var.mapping.secret_key_arn]
      Interfaces    = [for each in ["network-interface/*", "subnet/subnet-there", "security-group/sg-there"] : "arn:aws:ec2:us-east-1:123456789012:${each}"]
      OldInterfaces = ["arn:aws:ec2:us-east-1:123456789012:*/*"]
      Network       = ["*"]
    })
    error_message = "What Lambda needs of ingest's role, where the broker is: ${jsonencode(local.may.ingest)}"
  }

  assert {
    condition     = length(module.bridge) == 1 && !contains(keys(module.observability.alarms), "foz-shop-bridge-silent")
    error_message = "A bridge without an image does not run, and cannot fall silent."
  }
}

run "a_broker_that_is_made_lets_lambda_in" {
  variables {
    network = { create = true }
    broker  = {}
    mapping = { batch_size = 10000, enabled = false }
  }

  assert {
    condition = alltrue([
      for mapping in values(aws_lambda_event_source_mapping.queues) :
      mapping.event_source_arn == module.broker[0].arn && contains(mapping.source_access_configuration[*].uri, module.broker[0].mapping_secret_arn)
    ])
    error_message = "Nothing need be named."
  }

  assert {
    condition     = alltrue([for mapping in values(aws_lambda_event_source_mapping.queues) : mapping.batch_size == 10000 && !mapping.enabled])
    error_message = "Sizes are as they were said, and it waits until it may."
  }

  assert {
    condition     = output.mapping.secret_arn == "arn:aws:secretsmanager:us-east-1:123456789012:secret:mocked/broker-AbCdEf"
    error_message = "The secret to be filled is named."
  }

  assert {
    condition = jsonencode([for each in local.may.ingest : each.resources if each.sid == "Interfaces"]) == jsonencode([[
      for each in ["network-interface/*", "subnet/subnet-mocked", "security-group/sg-mocked"] : "arn:aws:ec2:us-east-1:123456789012:${each}"
    ]])
    error_message = "Lambda's interfaces are beside the broker."
  }
}

run "without_streams_of_its_own_there_is_no_bridge" {
  variables {
    pipeline = "modules/definition/tests/fixtures/found/pipeline.yaml"
    network  = {} # and no warning that nothing consumes
  }

  assert {
    condition     = length(module.bridge) == 0 && output.broker_permissions == null
    error_message = "Nothing to run."
  }

  assert {
    condition     = keys(aws_lambda_event_source_mapping.queues) == ["orders"] && aws_lambda_event_source_mapping.queues["orders"].maximum_batching_window_in_seconds == 10
    error_message = "Door and latency are those that foz found."
  }

  assert {
    condition     = output.mapping.permissions == { configure = "^$", write = "^$", read = "^(orders\\.state)$" }
    error_message = "Lambda's user reads, and does nothing else."
  }
}

run "the_local_cloud_has_no_amazon_mq" {
  variables {
    aws_endpoint_url = "http://127.0.0.1:1"
  }

  assert {
    condition     = length(data.aws_mq_broker.mapped) == 0 && length(aws_lambda_event_source_mapping.queues) == 3
    error_message = "The mapping is there, and names a broker that is not looked for."
  }
}

run "lambda_maps_no_other_rabbitmq" {
  command = plan

  variables {
    mapping = {}
  }

  expect_failures = [aws_lambda_event_source_mapping.queues]
}

run "lambda_needs_a_user" {
  command = plan

  variables {
    mapping = { broker_arn = "arn:aws:mq:us-east-1:123456789012:broker:there:b-there" }
  }

  expect_failures = [aws_lambda_event_source_mapping.queues]
}

run "an_activemq_is_no_rabbitmq" {
  command = plan

  override_data {
    target = data.aws_mq_broker.mapped
    values = { engine_type = "ActiveMQ" }
  }

  expect_failures = [data.aws_mq_broker.mapped]
}

run "wrong_settings" {
  command = plan

  variables {
    mapping = { broker_arn = "b-there", secret_arn = "there/mapping", secret_key_arn = "alias/secret", batch_size = 10001 }
  }

  expect_failures = [var.mapping]
}

run "one_broker" {
  command = plan

  variables {
    broker = {}
  }

  expect_failures = [var.mapping]
}
