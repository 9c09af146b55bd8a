# Where the bridge, a broker and clusters run: a network of their own, or subnets that are there already. The functions
# need neither. On the local cloud the bridge is a process, and there is no network.

locals {
  real = !local.emulated

  # Known before anything is made.
  placed = var.network.create || length(var.network.subnet_ids) > 0

  vpc_id     = var.network.create ? one(module.network[*].vpc_id) : var.network.vpc_id
  subnet_ids = var.network.create ? try(module.network[0].subnet_ids, []) : var.network.subnet_ids
}

module "network" {
  source = "./modules/network"
  count  = local.real && var.network.create ? 1 : 0

  name                = local.name
  region              = var.region
  cidr                = var.network.cidr
  zones               = var.network.zones
  interface_endpoints = setunion(var.network.interface_endpoints, var.emr == null ? [] : ["elasticmapreduce", "glue"], local.with_mapping ? ["sts"] : [])
  subnet_tags         = var.emr == null ? {} : { "for-use-with-amazon-emr-managed-policies" = "true" }
  flow_logs           = var.network.flow_logs
  log_key_arn         = local.kms_key_arn
  log_retention_days  = var.log_retention_days
}
