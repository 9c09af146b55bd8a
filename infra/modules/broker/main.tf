# Amazon MQ for RabbitMQ in private subnets, for those who have no broker.

locals {
  cluster = var.deployment == "cluster"
  # amqps://<host>:5671, in a cluster the same for all nodes.
  host = regex("^amqps://([^:/]+):5671$", aws_mq_broker.this.instances[0].endpoints[0])[0]
}

resource "aws_mq_broker" "this" {
  broker_name                = var.name
  engine_type                = "RabbitMQ"
  engine_version             = var.engine_version
  auto_minor_version_upgrade = true # RabbitMQ's brokers take patches only this way
  host_instance_type         = var.instance_type
  deployment_mode            = local.cluster ? "CLUSTER_MULTI_AZ" : "SINGLE_INSTANCE"
  publicly_accessible        = false
  subnet_ids                 = local.cluster ? var.subnet_ids : slice(var.subnet_ids, 0, 1)
  security_groups            = [aws_security_group.this.id]
  apply_immediately          = false # a change of engine or size waits for the window

  encryption_options {
    use_aws_owned_key = var.kms_key_arn == null
    kms_key_id        = var.kms_key_arn
  }

  logs {
    general = true
  }

  maintenance_window_start_time {
    day_of_week = var.maintenance_window.day
    time_of_day = var.maintenance_window.time
    time_zone   = "UTC"
  }

  user {
    username = var.administrator
    password = data.aws_secretsmanager_random_password.administrator.random_password
  }

  # RabbitMQ's users are the broker's own: Amazon MQ neither reads nor changes them once it has made the first.
  lifecycle {
    ignore_changes = [user]
  }
}

# Amazon MQ writes them under names of its own; here they get an end.
resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_158:its name holds the broker's id, so that the key's policy cannot name it; the log holds no message
  for_each = toset(["connection", "general"])

  name              = "/aws/amazonmq/broker/${aws_mq_broker.this.id}/${each.value}"
  retention_in_days = var.log_retention_days
}
