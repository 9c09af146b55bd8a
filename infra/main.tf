data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  account     = data.aws_caller_identity.this.account_id
  partition   = data.aws_partition.this.partition
  bucket      = "${local.name}-${local.account}"
  kms_key_arn = module.lake.kms_key_arn
}

module "lake" {
  source = "./modules/lake"

  name           = local.name
  bucket         = local.bucket
  glue_database  = local.lake
  definition     = local.definition
  definition_key = "config/${terraform_data.definition.input}.yaml"
  hint_queue_arn = aws_sqs_queue.hints.arn
  kms_key_arn    = var.kms_key_arn
  protected      = var.protected
}

module "catalog" {
  source = "./modules/catalog"

  name        = local.name
  kms_key_arn = local.kms_key_arn
  protected   = var.protected
}
