# The hint queue: whoever did something that may leave work says so here, and dispatch looks. A lost hint costs latency only.

locals {
  hints_name = "${local.name}-hints"
  hints_arn  = "arn:${data.aws_partition.this.partition}:sqs:${var.region}:${data.aws_caller_identity.this.account_id}:${local.hints_name}"

  dispatch_timeout = 30
}

resource "aws_sqs_queue" "hints" {
  name                       = local.hints_name
  visibility_timeout_seconds = 2 * local.dispatch_timeout
  message_retention_seconds  = 86400 # older hints say nothing that the sweep does not find
  receive_wait_time_seconds  = 20
  sqs_managed_sse_enabled    = true
  # Inline: the bucket that may send is known by name, and its notifications need the queue to exist and to let it in.
  policy = data.aws_iam_policy_document.hints.json

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_hints.arn
    maxReceiveCount     = 10
  })
}

resource "aws_sqs_queue" "dead_hints" {
  name                      = "${local.hints_name}-dead"
  message_retention_seconds = 14 * 86400
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "hints" {
  statement {
    sid       = "BucketMaySend"
    actions   = ["sqs:SendMessage"]
    resources = [local.hints_arn]

    principals {
      type        = "Service"
      identifiers = ["s3.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = ["arn:${data.aws_partition.this.partition}:s3:::${local.name}-${data.aws_caller_identity.this.account_id}"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }

  statement {
    sid       = "TlsOnly"
    effect    = "Deny"
    actions   = ["sqs:SendMessage", "sqs:ReceiveMessage"]
    resources = [local.hints_arn]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_lambda_event_source_mapping" "hints" {
  event_source_arn        = aws_sqs_queue.hints.arn
  function_name           = module.dispatch.arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2 # a second dispatch of the same group only finds the first one's claim
  }
}
