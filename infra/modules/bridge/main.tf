# The bridge on Fargate: always on, or started by a schedule to drain the queues and end.

locals {
  runs     = var.image_tag != null
  always   = local.runs && var.mode == "service"
  draining = local.runs && var.mode == "drain"

  # After SIGTERM the bridge takes at most 15 s to finish what is on its way, 8 s to let go of its groups and 1 s to end;
  # then the task may be killed, at the price of a lock that stays until the broker misses its heartbeats.
  stop_timeout = 30

  environment = merge(
    {
      AWS_REGION          = var.region
      FOZ_BUCKET          = var.bucket
      FOZ_TABLE           = var.table
      FOZ_DEFINITION      = var.definition_key
      FOZ_INGEST_FUNCTION = var.ingest_function
      FOZ_INGEST_TIMEOUT  = tostring(var.ingest_timeout)
      FOZ_LOG             = var.log_level
    },
    var.management_url == null ? {} : { FOZ_MANAGEMENT_URL = var.management_url },
    var.consumer_timeout_ms == null ? {} : { FOZ_CONSUMER_TIMEOUT_MS = tostring(var.consumer_timeout_ms) },
  )
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_task_definition" "this" {
  count = local.runs ? 1 : 0

  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = upper(var.architecture)
  }

  # What waits for its batch beyond the memory budget waits in files; the image declares /tmp and its owner.
  volume {
    name = "spool"
  }

  container_definitions = jsonencode([{
    name                   = "bridge"
    image                  = "${aws_ecr_repository.this.repository_url}:${var.image_tag}"
    essential              = true
    command                = var.mode == "drain" ? ["--drain"] : []
    readonlyRootFilesystem = true
    stopTimeout            = local.stop_timeout
    environment            = [for name, value in local.environment : { name = name, value = value }]
    secrets                = [{ name = "FOZ_AMQP_URL", valueFrom = var.broker_secret_arn }]
    mountPoints            = [{ sourceVolume = "spool", containerPath = "/tmp", readOnly = false }]
    linuxParameters        = { capabilities = { drop = ["ALL"] } }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = var.region
        awslogs-stream-prefix = "bridge"
        mode                  = "non-blocking" # a log that cannot be written must not hold up the queues
        max-buffer-size       = "4m"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  #checkov:skip=CKV_AWS_332:a version is chosen, so that what was tested is what runs; LATEST is this one
  count = local.always ? 1 : 0

  name                          = "bridge"
  cluster                       = aws_ecs_cluster.this.id
  task_definition               = aws_ecs_task_definition.this[0].arn
  desired_count                 = var.tasks
  launch_type                   = "FARGATE"
  platform_version              = "1.4.0"
  propagate_tags                = "SERVICE"
  availability_zone_rebalancing = "ENABLED"

  # The new task is there, standing by for the locks, before an old one goes.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/foz/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.log_key_arn
}
