# The hint queue: whoever did something that may leave work says so here, and dispatch looks. A lost hint costs latency only.

locals {
  hints_name = "${local.name}-hints"
  # The policies name the queues before they exist.
  hints_arn      = "arn:${local.partition}:sqs:${var.region}:${local.account}:${local.hints_name}"
  dead_hints_arn = "${local.hints_arn}-dead"

  tls_only = { for arn in [local.hints_arn, local.dead_hints_arn] : arn => {
    Sid       = "TlsOnly"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["sqs:ReceiveMessage", "sqs:SendMessage"]
    Resource  = arn
    Condition = { Bool = { "aws:SecureTransport" = "false" } }
  } }
}

resource "aws_sqs_queue" "hints" {
  name                       = local.hints_name
  visibility_timeout_seconds = 2 * local.timeouts.dispatch # as Lambda asks for: a hint is not worked on twice
  message_retention_seconds  = 86400                       # older hints say nothing that the sweep does not find
  receive_wait_time_seconds  = 20
  kms_master_key_id          = local.kms_key_arn
  # Inline: the bucket that may send is known by name, and its notifications need the queue to exist and to let it in.
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "BucketMaySend"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = local.hints_arn
        Condition = {
          ArnEquals    = { "aws:SourceArn" = "arn:${local.partition}:s3:::${local.bucket}" }
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      },
      local.tls_only[local.hints_arn],
    ]
  })
}

resource "aws_sqs_queue" "dead_hints" {
  name                      = "${local.hints_name}-dead"
  message_retention_seconds = 14 * 86400
  kms_master_key_id         = local.kms_key_arn
  policy                    = jsonencode({ Version = "2012-10-17", Statement = [local.tls_only[local.dead_hints_arn]] })
}

# Beside the queues, so that neither waits for the other.
resource "aws_sqs_queue_redrive_policy" "hints" {
  queue_url = aws_sqs_queue.hints.id
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_hints.arn
    maxReceiveCount     = 10
  })
}

resource "aws_lambda_event_source_mapping" "hints" {
  event_source_arn        = aws_sqs_queue.hints.arn
  function_name           = module.function["dispatch"].arn
  batch_size              = 10
  function_response_types = ["ReportBatchItemFailures"]

  scaling_config {
    maximum_concurrency = 2 # a second dispatch of the same group only finds the first one's claim
  }

  depends_on = [aws_sqs_queue_redrive_policy.hints] # from the first hint on, one that cannot be handled has a place to go
}
