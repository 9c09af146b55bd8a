# The functions: each is one entry here, its permissions one in permissions.tf. Packages, settings, alarms, outputs and schedules follow.

locals {
  told = {
    FOZ_BUCKET         = module.lake.bucket
    FOZ_TABLE          = module.catalog.table
    FOZ_DEFINITION     = module.lake.definition_key
    FOZ_HINT_QUEUE_URL = aws_sqs_queue.hints.url
  }
  told_of_tables = merge(local.told, { FOZ_GLUE_DATABASE = module.lake.glue_database })

  # What a function is told and may do names other functions before they exist.
  function_arns = "arn:${local.partition}:lambda:${var.region}:${local.account}:function:${local.name}"

  # An engine's failure must reach dispatch even when the engine could not say so itself.
  engine = { on_failure = local.hints_arn }

  # In seconds. Apart from the functions, which other variables are held against.
  default_timeouts = { ingest = 30, dispatch = 30, transform = 900, consolidate = 900, compact = 900 }
  timeouts         = merge(local.default_timeouts, var.timeout)

  # `memory` in MiB, unless var.memory says otherwise; `scratch`: MiB of /tmp; `asynchronous`: set
  # for what is invoked without waiting; `schedules`: who else invokes it, each with a name of its own.
  functions = {
    ingest = {
      memory      = 1024
      environment = merge(local.told, { FOZ_INGEST_TIMEOUT = tostring(local.timeouts.ingest) })
    }

    dispatch = {
      memory = 512
      environment = merge(local.told, {
        FOZ_TRANSFORM_FUNCTION   = "${local.name}-transform"
        FOZ_CONSOLIDATE_FUNCTION = "${local.name}-consolidate"
        FOZ_COMPACT_FUNCTION     = "${local.name}-compact"
      })
      asynchronous = {} # the sweep: a failed one is followed by the next
      # Hints may be lost; the sweep finds what they should have told of. A minute is EventBridge's smallest period.
      schedules = { sweep = { expression = "rate(1 minute)", input = { sweep = true } } }
    }

    transform = {
      memory       = 3008
      environment  = local.told_of_tables
      asynchronous = local.engine
    }

    consolidate = {
      memory       = 3008
      scratch      = 10240 # the merge of touched buckets spills what its memory does not hold
      environment  = local.told_of_tables
      asynchronous = local.engine
    }

    compact = {
      memory       = 1769 # one processor: it merges streams, and nobody waits for it
      environment  = local.told_of_tables
      asynchronous = local.engine
    }
  }
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  name                 = "${local.name}-${each.key}"
  package              = "${var.packages}/${each.key}.zip"
  architecture         = var.architecture
  memory               = lookup(var.memory, each.key, each.value.memory)
  scratch              = try(each.value.scratch, null)
  timeout              = local.timeouts[each.key]
  environment          = each.value.environment
  permissions          = local.may[each.key]
  kms_key_arn          = local.kms_key_arn
  log_retention_days   = var.log_retention_days
  asynchronous         = try(each.value.asynchronous, null)
  reserved_concurrency = lookup(var.reserved_concurrency, each.key, null)
  tracing              = var.tracing
}

module "schedules" {
  source = "./modules/schedules"

  name = local.name
  schedules = merge([
    for name, function in local.functions : {
      for schedule, what in try(function.schedules, {}) : schedule => merge(what, { input = jsonencode(what.input), function_arn = module.function[name].arn })
    }
  ]...)
}
