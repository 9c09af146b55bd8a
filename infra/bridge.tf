# The bridge, and the broker that it consumes from: one made here, or the one whose URL the secret of pipeline.yaml holds.

locals {
  secret = local.lock.broker.secret
  vhost  = local.lock.broker.vhost

  with_broker = local.real && var.broker != null
  with_bridge = local.real && var.bridge != null && local.placed && length(local.bridged) > 0

  # The others come by the mapping.
  bridged = [for stream in values(local.lock.streams) : stream.queue if stream.door != "mapping"]

  # One output each, not the whole module: bridge and broker name each other.
  management_url = try(coalesce(try(var.bridge.management_url, null), local.with_broker ? module.broker[0].management_url : null), null)
}

module "broker" {
  source = "./modules/broker"
  count  = local.with_broker ? 1 : 0

  name               = local.name
  secret             = coalesce(local.secret, "${local.lake}/broker")
  engine_version     = var.broker.engine_version
  deployment         = var.broker.deployment
  instance_type      = var.broker.instance_type
  maintenance_window = var.broker.maintenance_window
  vpc_id             = local.vpc_id
  subnet_ids         = local.subnet_ids
  clients            = merge(local.with_bridge ? { bridge = module.bridge[0].security_group_id } : {}, var.broker.clients)
  publisher_cidrs    = var.broker.publisher_cidrs
  mapping            = local.with_mapping
  log_retention_days = var.log_retention_days
}

# The secret of a broker that is there already.
data "aws_secretsmanager_secret" "broker" {
  count = local.with_bridge && !local.with_broker ? 1 : 0

  name = local.secret

  lifecycle {
    precondition {
      condition     = local.secret != null
      error_message = "The bridge needs a broker: name the secret that holds its URL in pipeline.yaml (`broker: { secret: … }`), or have one made (`broker = {}`)."
    }
  }
}

module "bridge" {
  source = "./modules/bridge"
  count  = local.with_bridge ? 1 : 0

  name           = "${local.name}-bridge"
  lake           = local.lake
  region         = var.region
  mode           = var.bridge.mode
  tasks          = var.bridge.tasks
  drain_schedule = var.bridge.drain_schedule
  image_tag      = var.bridge.image_tag
  architecture   = var.architecture
  cpu            = var.bridge.cpu
  memory         = var.bridge.memory
  vpc_id         = local.vpc_id
  subnet_ids     = local.subnet_ids

  broker_secret_arn     = local.with_broker ? module.broker[0].secret_arn : data.aws_secretsmanager_secret.broker[0].arn
  broker_secret_key_arn = var.bridge.secret_key_arn
  broker_port           = var.bridge.broker_port
  broker_cidrs          = var.bridge.broker_cidrs
  management_url        = local.management_url
  consumer_timeout_ms   = var.bridge.consumer_timeout_ms
  vhost                 = local.vhost
  queues                = local.bridged

  bucket              = module.lake.bucket
  bucket_arn          = module.lake.bucket_arn
  data_key_arns       = [local.kms_key_arn]
  definition_key      = module.lake.definition_key
  table               = module.catalog.table
  table_arn           = module.catalog.arn
  ingest_function     = module.function["ingest"].name # through the function: it knows a definition before the bridge does
  ingest_timeout      = local.timeouts.ingest
  ingest_function_arn = module.function["ingest"].arn
  log_key_arn         = local.kms_key_arn
  log_retention_days  = var.log_retention_days
}

# A warning, not an error: a bridge may run elsewhere.
check "bridge" {
  assert {
    condition     = local.emulated || var.bridge == null || local.placed || length(local.bridged) == 0
    error_message = "Nothing consumes the queues: say in `network` where the bridge is to run, or `bridge = null` if it runs elsewhere."
  }
}
