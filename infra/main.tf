data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

# Roles and buckets have names of a whole account, all else of a region: the same lake in two regions would collide half-way.
data "aws_iam_roles" "same_name" {
  name_regex = "^${local.name}-dispatch$"
}

data "aws_iam_role" "same_name" {
  for_each = data.aws_iam_roles.same_name.names

  name = each.value
}

resource "terraform_data" "name" {
  input = local.name

  lifecycle {
    precondition {
      condition     = alltrue([for role in data.aws_iam_role.same_name : lookup(role.tags, "region", var.region) == var.region])
      error_message = "This account has a lake named ${local.name} in ${join(", ", [for role in data.aws_iam_role.same_name : lookup(role.tags, "region", var.region)])} already, and names of buckets and roles are of the whole account. Give this one a name of its own, such as name = \"${local.name}-${var.region}\"."
    }
  }
}

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
