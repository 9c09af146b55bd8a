# The functions: what each is told (ARCHITECTURE.md, "Environment of every process") and what each may do.

locals {
  told = {
    FOZ_BUCKET         = module.lake.bucket
    FOZ_TABLE          = module.catalog.table
    FOZ_DEFINITION     = module.lake.definition_key
    FOZ_HINT_QUEUE_URL = aws_sqs_queue.hints.url
  }

  bucket_arn = module.lake.bucket_arn
  catalog_arns = {
    table   = module.catalog.arn
    pending = "${module.catalog.arn}/index/pending"
  }
  # An engine's failure must reach dispatch even when the engine could not say so itself.
  on_failure = aws_sqs_queue.hints.arn
}

module "ingest" {
  source = "./modules/function"

  name               = "${local.name}-ingest"
  package            = "${var.packages}/ingest.zip"
  architecture       = var.architecture
  memory             = var.memory.ingest
  timeout            = 30
  environment        = local.told
  policy             = data.aws_iam_policy_document.ingest.json
  log_retention_days = var.log_retention_days
}

module "dispatch" {
  source = "./modules/function"

  name         = "${local.name}-dispatch"
  package      = "${var.packages}/dispatch.zip"
  architecture = var.architecture
  memory       = var.memory.dispatch
  timeout      = local.dispatch_timeout
  environment = merge(local.told, {
    FOZ_TRANSFORM_FUNCTION   = module.transform.name
    FOZ_CONSOLIDATE_FUNCTION = module.consolidate.name
  })
  policy             = data.aws_iam_policy_document.dispatch.json
  log_retention_days = var.log_retention_days
}

module "transform" {
  source = "./modules/function"

  name               = "${local.name}-transform"
  package            = "${var.packages}/transform.zip"
  architecture       = var.architecture
  memory             = var.memory.transform
  timeout            = 900
  environment        = merge(local.told, { FOZ_GLUE_DATABASE = module.lake.glue_database })
  policy             = data.aws_iam_policy_document.engine.json
  log_retention_days = var.log_retention_days
  asynchronous       = { on_failure = local.on_failure }
}

module "consolidate" {
  source = "./modules/function"

  name               = "${local.name}-consolidate"
  package            = "${var.packages}/consolidate.zip"
  architecture       = var.architecture
  memory             = var.memory.consolidate
  timeout            = 900
  environment        = merge(local.told, { FOZ_GLUE_DATABASE = module.lake.glue_database })
  policy             = data.aws_iam_policy_document.engine.json
  log_retention_days = var.log_retention_days
  asynchronous       = { on_failure = local.on_failure }
}

data "aws_iam_policy_document" "ingest" {
  statement {
    sid       = "Definition"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/config/*"]
  }

  statement {
    sid       = "RawObjects" # get: a 412 is judged by the digest of what is there
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${local.bucket_arn}/raw/*"]
  }

  statement {
    sid       = "Catalog"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [local.catalog_arns.table]
  }

  statement {
    sid       = "Hints"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.hints.arn]
  }
}

data "aws_iam_policy_document" "dispatch" {
  statement {
    sid       = "Definition"
    actions   = ["s3:GetObject"]
    resources = ["${local.bucket_arn}/config/*", "${local.bucket_arn}/definitions/*"]
  }

  statement {
    sid       = "KeepDefinition"
    actions   = ["s3:PutObject"]
    resources = ["${local.bucket_arn}/definitions/*"]
  }

  statement {
    sid       = "Catalog"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = values(local.catalog_arns)
  }

  statement {
    sid       = "Hints"
    actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "sqs:SendMessage"]
    resources = [aws_sqs_queue.hints.arn]
  }

  statement {
    sid       = "Engines"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.transform.arn, module.consolidate.arn]
  }
}

data "aws_iam_policy_document" "engine" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for prefix in ["definitions", "raw", "raw-oversize", "staged", "tables"] : "${local.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:PutObject"]
    resources = [for prefix in ["staged", "tables"] : "${local.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "Catalog"
    actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
    resources = [local.catalog_arns.table]
  }

  statement {
    sid       = "Tables"
    actions   = ["glue:CreateTable", "glue:GetDatabase", "glue:GetTable", "glue:UpdateTable"]
    resources = module.lake.glue_arns
  }

  statement {
    sid       = "Hints"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.hints.arn]
  }
}
