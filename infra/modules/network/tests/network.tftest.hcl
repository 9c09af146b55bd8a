mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name   = "foz-shop"
  region = "us-east-1"
}

run "private_subnets_in_two_zones" {
  assert {
    condition     = [for zone in ["us-east-1a", "us-east-1b"] : aws_subnet.private[zone].cidr_block] == ["10.117.0.0/24", "10.117.1.0/24"]
    error_message = "A subnet in each of the first two zones."
  }

  assert {
    condition     = alltrue([for subnet in aws_subnet.private : !subnet.map_public_ip_on_launch]) && length(aws_route_table.private.route) == 0
    error_message = "No public addresses, no route out."
  }

  assert {
    condition     = length(aws_default_security_group.this.ingress) + length(aws_default_security_group.this.egress) == 0
    error_message = "The default security group lets nothing pass."
  }
}

run "three_zones_with_other_addresses" {
  variables {
    zones = 3
    cidr  = "10.0.0.0/16"
  }

  assert {
    condition     = toset([for subnet in aws_subnet.private : subnet.cidr_block]) == toset(["10.0.0.0/20", "10.0.16.0/20", "10.0.32.0/20"])
    error_message = "Three subnets that do not overlap."
  }
}

run "aws_through_endpoints" {
  assert {
    condition     = toset([for endpoint in aws_vpc_endpoint.gateway : endpoint.service_name]) == toset(["com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.dynamodb"])
    error_message = "Gateways to S3 and DynamoDB."
  }

  assert {
    condition = toset([for endpoint in aws_vpc_endpoint.interface : trimprefix(endpoint.service_name, "com.amazonaws.us-east-1.")]) == toset([
      "ecr.api", "ecr.dkr", "kms", "lambda", "logs", "secretsmanager", "sqs",
    ])
    error_message = "Interface endpoints to the rest."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "Under their usual names."
  }

  assert {
    condition     = aws_vpc_security_group_ingress_rule.endpoints.cidr_ipv4 == "10.117.0.0/20" && aws_vpc_security_group_ingress_rule.endpoints.to_port == 443
    error_message = "HTTPS from the VPC alone."
  }
}

run "gateways_let_only_this_account_through" {
  assert {
    condition     = one(one(data.aws_iam_policy_document.own.statement).condition).variable == "aws:ResourceAccount" && one(one(data.aws_iam_policy_document.own.statement).condition).values == tolist(["123456789012"])
    error_message = "Data of this account."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.s3.statement : statement.actions == toset(["s3:GetObject"]) && alltrue([for resource in statement.resources : !startswith(resource, "arn:aws:s3:::*")])
    ])
    error_message = "Of Amazon's buckets only those that are named, and only to read."
  }
}

run "flow_logs_if_asked_for" {
  variables {
    flow_logs = true
  }

  assert {
    condition     = one(aws_flow_log.this).traffic_type == "ALL" && one(aws_cloudwatch_log_group.flow_logs).retention_in_days == 30
    error_message = "All traffic, kept for a month."
  }
}

run "none_otherwise" {
  assert {
    condition     = length(aws_flow_log.this) + length(aws_iam_role.flow_logs) == 0
    error_message = "Flow logs were not asked for."
  }
}

run "bad_input" {
  command = plan

  variables {
    name                = "Foz"
    cidr                = "10.0.0.0/28"
    zones               = 1
    interface_endpoints = ["s3"]
  }

  expect_failures = [var.name, var.cidr, var.zones, var.interface_endpoints]
}
