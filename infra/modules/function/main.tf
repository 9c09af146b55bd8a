resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:an asynchronous event that failed goes to the failure destination, which says more than a dead-letter queue
  #checkov:skip=CKV_AWS_117:it talks to AWS's own endpoints only; in a network it would need one for each
  #checkov:skip=CKV_AWS_173:the environment holds names, no secret; Lambda encrypts it with a key of its own
  #checkov:skip=CKV_AWS_272:who may deploy is decided by IAM; signing needs a profile of the account's
  function_name                  = var.name
  role                           = aws_iam_role.this.arn
  filename                       = var.package
  source_code_hash               = filebase64sha256(var.package)
  runtime                        = "provided.al2023"
  handler                        = "bootstrap"
  architectures                  = [var.architecture]
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  ephemeral_storage {
    size = var.scratch
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  depends_on = [aws_cloudwatch_log_group.this, aws_iam_role_policy.this]
}

resource "aws_lambda_function_event_invoke_config" "this" {
  count = var.asynchronous == null ? 0 : 1

  function_name                = aws_lambda_function.this.function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = var.asynchronous.maximum_age

  dynamic "destination_config" {
    for_each = var.asynchronous.on_failure[*]

    content {
      on_failure {
        destination = destination_config.value
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:how long logs are kept is the account's choice; what must stay is in the catalog
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}
