# The functions and what each is told (ARCHITECTURE.md, "Environment of every process"). What each may do: permissions.tf.

locals {
  told = {
    FOZ_BUCKET         = module.lake.bucket
    FOZ_TABLE          = module.catalog.table
    FOZ_DEFINITION     = module.lake.definition_key
    FOZ_HINT_QUEUE_URL = aws_sqs_queue.hints.url
  }

  # An engine's failure must reach dispatch even when the engine could not say so itself.
  on_failure = aws_sqs_queue.hints.arn
}

module "ingest" {
  source = "./modules/function"

  name                 = "${local.name}-ingest"
  package              = "${var.packages}/ingest.zip"
  architecture         = var.architecture
  memory               = var.memory.ingest
  timeout              = 30
  environment          = local.told
  permissions          = local.ingest_may
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  reserved_concurrency = var.reserved_concurrency.ingest
  tracing              = var.tracing
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
  permissions          = local.dispatch_may
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  asynchronous         = {} # the sweep: a failed one is followed by the next
  reserved_concurrency = var.reserved_concurrency.dispatch
  tracing              = var.tracing
}

module "transform" {
  source = "./modules/function"

  name                 = "${local.name}-transform"
  package              = "${var.packages}/transform.zip"
  architecture         = var.architecture
  memory               = var.memory.transform
  timeout              = 900
  environment          = merge(local.told, { FOZ_GLUE_DATABASE = module.lake.glue_database })
  permissions          = local.transform_may
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  asynchronous         = { on_failure = local.on_failure }
  reserved_concurrency = var.reserved_concurrency.transform
  tracing              = var.tracing
}

module "consolidate" {
  source = "./modules/function"

  name                 = "${local.name}-consolidate"
  package              = "${var.packages}/consolidate.zip"
  architecture         = var.architecture
  memory               = var.memory.consolidate
  scratch              = 10240 # the merge of touched buckets spills what its memory does not hold
  timeout              = 900
  environment          = merge(local.told, { FOZ_GLUE_DATABASE = module.lake.glue_database })
  permissions          = local.consolidate_may
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  asynchronous         = { on_failure = local.on_failure }
  reserved_concurrency = var.reserved_concurrency.consolidate
  tracing              = var.tracing
}
