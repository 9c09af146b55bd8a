mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name       = "foz-shop"
  secret     = "shop/broker"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  clients    = { bridge = "sg-bridge" }
}

run "private_and_logged" {
  assert {
    condition     = !aws_mq_broker.this.publicly_accessible && aws_mq_broker.this.deployment_mode == "SINGLE_INSTANCE" && aws_mq_broker.this.subnet_ids == toset(["subnet-1"])
    error_message = "One node in a private subnet."
  }

  assert {
    condition     = aws_mq_broker.this.logs[0].general && toset([for group in aws_cloudwatch_log_group.this : group.name]) == toset(["/aws/amazonmq/broker/b-1234/general", "/aws/amazonmq/broker/b-1234/connection"])
    error_message = "Its logs are in CloudWatch, for as long as was said."
  }

  assert {
    condition     = aws_mq_broker.this.maintenance_window_start_time[0].day_of_week == "SUNDAY"
    error_message = "It is maintained when it was said."
  }

  assert {
    condition     = output.management_url == "https://b-1234.mq.us-east-1.on.aws"
    error_message = "The management API is on the broker's host."
  }
}

run "in_over_tls_only_and_for_clients_only" {
  variables {
    publisher_cidrs = ["10.1.0.0/16"]
  }

  assert {
    condition = toset(concat(
      [for rule in aws_vpc_security_group_ingress_rule.groups : "${rule.referenced_security_group_id} ${rule.to_port}"],
      [for rule in aws_vpc_security_group_ingress_rule.publishers : "${rule.cidr_ipv4} ${rule.to_port}"],
    )) == toset(["sg-bridge 443", "sg-bridge 5671", "10.1.0.0/16 5671"])
    error_message = "Who is not named gets in, or a port is open that need not be."
  }
}

run "the_bridges_password_is_not_terraforms" {
  assert {
    condition     = aws_secretsmanager_secret.bridge.name == "shop/broker" && aws_secretsmanager_secret_version.administrator.secret_id == aws_secretsmanager_secret.administrator.id
    error_message = "Only the administrator's secret is filled."
  }
}

run "no_way_out_without_a_mapping" {
  assert {
    condition = (
      length(aws_secretsmanager_secret.mapping) == 0 && output.mapping_secret_arn == null
      && length(aws_vpc_security_group_egress_rule.broker) + length(aws_vpc_security_group_egress_rule.https) == 0
    )
    error_message = "A mapping that nobody asked for."
  }
}

run "a_mapping_consumes_from_within" {
  variables {
    mapping = true
  }

  assert {
    condition     = aws_secretsmanager_secret.mapping[0].name == "shop/broker-mapping"
    error_message = "Its user has a secret of its own."
  }

  assert {
    condition = [
      for rule in [aws_vpc_security_group_ingress_rule.mapping[0], aws_vpc_security_group_egress_rule.broker[0]] :
      "${rule.security_group_id} ${rule.referenced_security_group_id} ${rule.from_port} ${rule.to_port}"
    ] == ["sg-mocked sg-mocked 5671 5671", "sg-mocked sg-mocked 5671 5671"]
    error_message = "Lambda's interfaces have the broker's group: it must let itself in and out."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.https[0].to_port == 443 && length(aws_vpc_security_group_ingress_rule.groups) == 2
    error_message = "Lambda reaches AWS; who else gets in is as before."
  }
}

run "a_cluster_over_zones" {
  variables {
    deployment     = "cluster"
    engine_version = "4.2"
  }

  assert {
    condition     = aws_mq_broker.this.deployment_mode == "CLUSTER_MULTI_AZ" && length(aws_mq_broker.this.subnet_ids) == 2
    error_message = "Nodes in all subnets."
  }
}

run "no_old_size_for_rabbitmq_4" {
  command = plan

  variables {
    engine_version = "4.2"
    instance_type  = "mq.m5.large"
  }

  expect_failures = [var.instance_type]
}

run "bad_input" {
  command = plan

  variables {
    name               = "Foz"
    secret             = "no spaces"
    administrator      = "guest"
    engine_version     = "3.8"
    deployment         = "multi"
    subnet_ids         = []
    publisher_cidrs    = ["0.0.0.0/0"]
    maintenance_window = { day = "SUN" }
  }

  expect_failures = [
    var.name, var.secret, var.administrator, var.engine_version, var.publisher_cidrs, var.maintenance_window, var.deployment,
  ]
}

run "a_broker_needs_a_subnet" {
  command = plan

  variables {
    subnet_ids = []
  }

  expect_failures = [var.subnet_ids]
}
