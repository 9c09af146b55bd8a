data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

module "lake" {
  source = "./modules/lake"

  bucket          = "${local.name}-${data.aws_caller_identity.this.account_id}"
  glue_database   = local.lake
  definition      = local.definition
  definition_key  = "config/${local.digest}.yaml"
  hint_queue_arn  = aws_sqs_queue.hints.arn
  notified_prefix = "raw/"

  depends_on = [terraform_data.definition]
}

module "catalog" {
  source = "./modules/catalog"

  name = local.name
}

module "schedules" {
  source = "./modules/schedules"

  name       = local.name
  target_arn = module.dispatch.arn
}
