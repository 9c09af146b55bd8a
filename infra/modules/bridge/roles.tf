# Two roles: what the bridge itself may do, and what Fargate may do to start it.

data "aws_caller_identity" "this" {}

data "aws_iam_policy_document" "assume" {
  for_each = toset(["ecs-tasks", "scheduler"])

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["${each.value}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

resource "aws_iam_role" "task" {
  name               = "${var.name}-task"
  assume_role_policy = data.aws_iam_policy_document.assume["ecs-tasks"].json
}

resource "aws_iam_role_policy" "task" {
  name   = "work"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.task.json
}

data "aws_iam_policy_document" "task" {
  statement {
    sid       = "Ingest"
    actions   = ["lambda:InvokeFunction"]
    resources = [var.ingest_function_arn]
  }

  # Raises the group's epoch (its first reign creates the items), records the prefetch, reads heads and tails.
  statement {
    sid       = "Catalog"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [var.table_arn]
  }

  # Raw objects: alignment compares what is redelivered with the digests of the last batches.
  # Oversize bodies: one that exists is looked at, not written again.
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for prefix in ["config", "raw", "raw-oversize"] : "${var.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "OversizeBodies"
    actions   = ["s3:PutObject"]
    resources = ["${var.bucket_arn}/raw-oversize/*"]

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["false"] # create-only
    }
  }

  dynamic "statement" {
    for_each = length(var.data_key_arns) > 0 ? [1] : []

    content {
      sid       = "DataKeys"
      actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
      resources = var.data_key_arns
    }
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.assume["ecs-tasks"].json
}

resource "aws_iam_role_policy" "execution" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.execution.json
}

data "aws_iam_policy_document" "execution" {
  statement {
    sid       = "BrokerUrl"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [var.broker_secret_arn]
  }

  dynamic "statement" {
    for_each = var.broker_secret_key_arn == null ? [] : [var.broker_secret_key_arn]

    content {
      sid       = "BrokerUrlKey"
      actions   = ["kms:Decrypt"]
      resources = [statement.value]

      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["secretsmanager.${var.region}.amazonaws.com"]
      }
    }
  }

  statement {
    sid       = "Image"
    actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    resources = [aws_ecr_repository.this.arn]
  }

  statement {
    sid       = "ImageLogin"
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"] # the action takes no resource
  }

  statement {
    sid       = "Log"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }
}
