# What clusters are launched with, for lakes with ranges too large for a function.

module "emr" {
  source = "./modules/emr"
  count  = local.real && var.emr != null ? 1 : 0

  name                    = "${local.name}-emr"
  lake                    = local.lake
  region                  = var.region
  release                 = var.emr.release
  vpc_id                  = local.vpc_id
  subnet_ids              = local.subnet_ids
  primary_instance_types  = var.emr.primary_instance_types
  core_instance_types     = var.emr.core_instance_types
  capacity                = var.emr.capacity
  idle_timeout            = var.emr.idle_timeout
  step_concurrency        = var.emr.step_concurrency
  in_transit_certificates = var.emr.in_transit_certificates
  bucket                  = module.lake.bucket
  bucket_arn              = module.lake.bucket_arn
  glue_arns               = module.lake.glue_arns
  kms_key_arn             = local.kms_key_arn
  tags                    = var.tags
}
