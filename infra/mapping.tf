# The second front door, for streams with `door: mapping`: Lambda's own event source mapping of Amazon MQ brings their
# queues to ingest. There is nothing to run; what it promises, and what not, is in docs/deploy.md.

locals {
  mapped       = { for name, stream in local.lock.streams : name => stream if stream.door == "mapping" }
  with_mapping = length(local.mapped) > 0

  mapped_broker = local.with_broker ? module.broker[0].arn : var.mapping.broker_arn
  mapped_secret = local.with_broker ? module.broker[0].mapping_secret_arn : var.mapping.secret_arn

  # Lambda consumes from the broker's own subnets, in its security groups. On the local cloud there is nothing to look up.
  mapped_subnets = local.emulated ? ["*"] : flatten(concat(module.broker[*].subnet_ids, [for broker in data.aws_mq_broker.mapped : broker.subnet_ids]))
  mapped_groups  = local.emulated ? ["*"] : flatten(concat(module.broker[*].security_group_id, [for broker in data.aws_mq_broker.mapped : broker.security_groups]))
}

# A broker that is there already.
data "aws_mq_broker" "mapped" {
  count = local.real && local.with_mapping && !local.with_broker && var.mapping.broker_arn != null ? 1 : 0

  broker_id = regex("[^:]+$", var.mapping.broker_arn)

  lifecycle {
    postcondition {
      condition     = lower(self.engine_type) == "rabbitmq"
      error_message = "`mapping.broker_arn` names a broker that is not RabbitMQ."
    }
  }
}

resource "aws_lambda_event_source_mapping" "queues" {
  for_each = local.mapped

  event_source_arn = local.mapped_broker
  # Through the function to its role's policy: what it needs is there before the mapping, and goes after it.
  function_name = module.function["ingest"].arn
  queues        = [each.value.queue]
  batch_size    = var.mapping.batch_size
  enabled       = var.mapping.enabled
  # A third of what is promised, as the bridge takes at most. Lambda takes whole seconds, and five minutes of them.
  maximum_batching_window_in_seconds = max(1, min(300, floor(each.value.max_latency_s / 3)))

  source_access_configuration {
    type = "BASIC_AUTH"
    uri  = local.mapped_secret
  }

  source_access_configuration {
    type = "VIRTUAL_HOST"
    uri  = local.vhost
  }

  lifecycle {
    precondition {
      condition     = local.mapped_broker != null
      error_message = "streams.${each.key}.door: Lambda maps queues of Amazon MQ, of no other RabbitMQ: name the broker in `mapping.broker_arn`, have one made (`broker = {}`), or write door: bridge."
    }

    precondition {
      condition     = local.mapped_secret != null
      error_message = "streams.${each.key}.door: Lambda needs a user of the broker: name the secret with {\"username\", \"password\"} in `mapping.secret_arn`."
    }
  }
}
