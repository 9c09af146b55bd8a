mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name                = "foz-shop-bridge"
  lake                = "shop"
  region              = "eu-west-1"
  image_tag           = "0.1.0"
  vpc_id              = "vpc-1"
  subnet_ids          = ["subnet-1", "subnet-2"]
  broker_secret_arn   = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:foz/broker-AbCdEf"
  queues              = ["planes.state", "flights.state"]
  bucket              = "foz-shop-123456789012"
  bucket_arn          = "arn:aws:s3:::foz-shop-123456789012"
  definition_key      = "config/abc.yaml"
  table               = "foz-shop"
  table_arn           = "arn:aws:dynamodb:eu-west-1:123456789012:table/foz-shop"
  ingest_function     = "foz-shop-ingest"
  ingest_timeout      = 30
  ingest_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:foz-shop-ingest"
}

run "a_service_that_nobody_can_reach" {
  assert {
    condition     = length(aws_ecs_service.this) == 1 && length(aws_scheduler_schedule.drain) == 0
    error_message = "One service and no schedule."
  }

  assert {
    condition     = !aws_ecs_service.this[0].network_configuration[0].assign_public_ip
    error_message = "No public address."
  }

  assert {
    condition     = length(aws_security_group.this.ingress) == 0
    error_message = "No way in."
  }

  assert {
    condition     = toset([for rule in aws_vpc_security_group_egress_rule.broker : rule.to_port]) == toset([5671]) && aws_vpc_security_group_egress_rule.https.to_port == 443
    error_message = "Out to the broker over TLS, and to HTTPS."
  }

  assert {
    condition     = aws_ecs_service.this[0].deployment_circuit_breaker[0].rollback && aws_ecs_service.this[0].deployment_minimum_healthy_percent == 100
    error_message = "A task that cannot start is rolled back, and an old one stays until the new one is there."
  }

  assert {
    condition     = aws_ecr_repository.this.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.this.image_scanning_configuration[0].scan_on_push
    error_message = "Tags stay what they are; images are scanned."
  }
}

run "the_task_is_told_what_the_bridge_reads" {
  assert {
    condition = {
      for variable in jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].environment : variable.name => variable.value
      } == {
      AWS_REGION          = "eu-west-1"
      FOZ_BUCKET          = "foz-shop-123456789012"
      FOZ_TABLE           = "foz-shop"
      FOZ_DEFINITION      = "config/abc.yaml"
      FOZ_INGEST_FUNCTION = "foz-shop-ingest"
      FOZ_INGEST_TIMEOUT  = "30"
      FOZ_LOG             = "info"
    }
    error_message = "The environment is not the contract."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].secrets == [{ name = "FOZ_AMQP_URL", valueFrom = var.broker_secret_arn }]
    error_message = "The broker's URL comes from the secret alone."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].readonlyRootFilesystem
    error_message = "Only /tmp can be written."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].command == []
    error_message = "A service does not drain."
  }

  # 15 s to finish what is on its way, 8 s to let go of the groups, 1 s to end; Fargate's limit is 120.
  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].stopTimeout > 24
      && jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].stopTimeout <= 120
    )
    error_message = "A stopping bridge is not to be killed."
  }
}

run "optional_settings_are_passed_on" {
  variables {
    management_url      = "https://broker.internal"
    consumer_timeout_ms = 600000
  }

  assert {
    condition = length(setsubtract(
      ["FOZ_MANAGEMENT_URL=https://broker.internal", "FOZ_CONSUMER_TIMEOUT_MS=600000"],
      [for variable in jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].environment : "${variable.name}=${variable.value}"],
    )) == 0
    error_message = "A setting is missing."
  }
}

run "least_privilege" {
  assert {
    condition = { for statement in data.aws_iam_policy_document.task.statement : statement.sid => statement.actions } == {
      Ingest         = toset(["lambda:InvokeFunction"])
      Catalog        = toset(["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"])
      Read           = toset(["s3:GetObject"])
      OversizeBodies = toset(["s3:PutObject"])
    }
    error_message = "The bridge may do something else."
  }

  assert {
    condition = alltrue(flatten([
      for statement in data.aws_iam_policy_document.task.statement : [for resource in statement.resources : startswith(resource, "arn:") && resource != "*"]
    ]))
    error_message = "A wildcard in the place of a resource."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.task.statement : statement.resources if statement.sid == "Ingest"]) == toset([var.ingest_function_arn])
    error_message = "One function, the ingest."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.task.statement : one(statement.condition).variable == "s3:if-none-match" && one(statement.condition).values == tolist(["false"])
      if contains(statement.actions, "s3:PutObject")
    ])
    error_message = "An object is created, never replaced."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.execution.statement : statement.resources if contains(statement.actions, "secretsmanager:GetSecretValue")]) == toset([var.broker_secret_arn])
    error_message = "One secret."
  }

  assert {
    condition     = toset([for statement in data.aws_iam_policy_document.execution.statement : statement.sid if contains(statement.resources, "*")]) == toset(["ImageLogin"])
    error_message = "Only the registry's login takes no resource."
  }
}

run "keys_of_their_own" {
  variables {
    data_key_arns         = ["arn:aws:kms:eu-west-1:123456789012:key/data"]
    broker_secret_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/secret"
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.task.statement : statement.resources if statement.sid == "DataKeys"]) == toset(var.data_key_arns)
    error_message = "The bridge uses the keys of bucket and table."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.execution.statement : statement.resources if statement.sid == "BrokerUrlKey"]) == toset([var.broker_secret_key_arn])
    error_message = "Fargate uses the key of the secret."
  }
}

run "a_task_that_drains_on_a_schedule" {
  variables {
    mode           = "drain"
    drain_schedule = "rate(5 minutes)"
  }

  assert {
    condition     = length(aws_ecs_service.this) == 0 && aws_scheduler_schedule.drain[0].schedule_expression == "rate(5 minutes)"
    error_message = "A schedule and no service."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this[0].container_definitions)[0].command == ["--drain"]
    error_message = "The task drains."
  }

  assert {
    condition     = !aws_scheduler_schedule.drain[0].target[0].ecs_parameters[0].network_configuration[0].assign_public_ip
    error_message = "No public address."
  }

  assert {
    condition = (
      one([for statement in data.aws_iam_policy_document.scheduler[0].statement : statement.resources if contains(statement.actions, "ecs:RunTask")])
      == toset(["arn:aws:ecs:us-east-1:123456789012:task-definition/mocked:*"])
    )
    error_message = "The schedule runs this task, whatever its revision, and no other."
  }
}

run "nothing_runs_before_there_is_an_image" {
  variables {
    image_tag = null
  }

  assert {
    condition     = length(aws_ecs_task_definition.this) + length(aws_ecs_service.this) + length(aws_scheduler_schedule.drain) == 0 && output.repository_url != ""
    error_message = "A repository to push to, and nothing else."
  }
}

run "the_user_of_the_broker_may_do_what_the_bridge_does" {
  assert {
    condition = output.permissions == {
      configure = "^foz\\.shop\\.[a-z0-9_]+\\.lock$|^(flights\\.state|planes\\.state)$"
      write     = "^amq\\.default$"
      read      = "^(flights\\.state|planes\\.state)$"
    }
    error_message = "The permissions are not what the bridge needs."
  }

  assert {
    condition     = output.set_permissions == "rabbitmqctl set_permissions -p '/' foz '^foz\\.shop\\.[a-z0-9_]+\\.lock$|^(flights\\.state|planes\\.state)$' '^amq\\.default$' '^(flights\\.state|planes\\.state)$'"
    error_message = "The command is not exact."
  }
}

run "with_a_management_api_the_bridge_declares_only_its_locks" {
  variables {
    management_url = "https://broker.internal"
  }

  assert {
    condition     = output.permissions.configure == "^foz\\.shop\\.[a-z0-9_]+\\.lock$"
    error_message = "It need not declare the streams' queues."
  }
}

run "names_of_queues_are_no_patterns" {
  variables {
    queues = ["a+b (c)"]
  }

  assert {
    condition     = output.permissions.read == "^(a\\+b\\ \\(c\\))$"
    error_message = "A name is escaped."
  }
}

run "no_amqp_without_tls" {
  command = plan

  variables {
    broker_port = 5672
  }

  expect_failures = [var.broker_port]
}

run "no_secret_by_name" {
  command = plan

  variables {
    broker_secret_arn = "foz/broker"
  }

  expect_failures = [var.broker_secret_arn]
}

run "no_password_in_the_environment" {
  command = plan

  variables {
    management_url = "https://foz:secret@broker.internal"
  }

  expect_failures = [var.management_url]
}

run "other_bad_input" {
  command = plan

  variables {
    name                = "Foz"
    lake                = "9"
    mode                = "sometimes"
    tasks               = -1
    drain_schedule      = "daily"
    image_tag           = "latest"
    architecture        = "arm"
    memory              = 100
    subnet_ids          = []
    broker_cidrs        = ["10.0.0.0"]
    consumer_timeout_ms = 1000
    ingest_timeout      = 901
    vhost               = ""
    queues              = []
  }

  expect_failures = [
    var.name, var.lake, var.mode, var.tasks, var.drain_schedule, var.image_tag, var.architecture, var.memory,
    var.subnet_ids, var.broker_cidrs, var.consumer_timeout_ms, var.ingest_timeout, var.vhost, var.queues,
  ]
}

run "no_odd_size" {
  command = plan

  variables {
    cpu = 300
  }

  expect_failures = [var.cpu]
}
