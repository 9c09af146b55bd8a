# Alarms on what AWS measures of the functions, the queues and the bridge's service.

locals {
  # The schedule invokes dispatch every minute, on the quietest day too: no value means that nobody does.
  sweep = {
    sweep-silent = {
      kind       = "sweep-silent"
      namespace  = "AWS/Lambda"
      metric     = "Invocations"
      dimensions = { FunctionName = var.functions.dispatch }
      statistic  = "Sum"
      below      = true
      threshold  = 1
      window     = { period = 60, of = 5, breaching = 5 }
      missing    = "breaching"
    }
  }

  # ECS measures a service as long as a task of it runs: it is the count of values that is watched, not the load.
  bridge = var.bridge == null ? {} : {
    bridge-silent = {
      kind       = "bridge-silent"
      namespace  = "AWS/ECS"
      metric     = "CPUUtilization"
      dimensions = { ClusterName = var.bridge.cluster, ServiceName = var.bridge.service }
      statistic  = "SampleCount"
      below      = true
      threshold  = 1
      window     = { period = 60, of = 5, breaching = 5 }
      missing    = "breaching"
    }
  }

  # SQS stops measuring a queue that nobody used for six hours, which one with messages in it never is.
  dead = {
    hints-dead = {
      kind       = "hints-dead"
      namespace  = "AWS/SQS"
      metric     = "ApproximateNumberOfMessagesVisible"
      dimensions = { QueueName = var.queues.dead }
      statistic  = "Maximum"
      below      = false
      threshold  = 0
      window     = { period = 300, of = 1, breaching = 1 }
      missing    = "notBreaching"
    }
  }

  # A single failure is repeated by whoever needs it: the bridge, SQS, the next attempt. Minutes without invocations
  # have no value, and no failure.
  functions = merge([
    for what, function in var.functions : {
      for kind, metric in { errors = "Errors", throttles = "Throttles" } : "${kind}-${what}" => {
        kind                       = kind
        namespace                  = "AWS/Lambda"
        metric                     = metric
        dimensions                 = { FunctionName = function }
        statistic                  = "Sum"
        below                      = false
        threshold                  = 0
        window                     = { period = 60, of = 10, breaching = 3 }
        missing                    = "notBreaching"
      }
    }
  ]...)

  # A queue in which something waited at each moment of three promises is not brought. Amazon MQ measures each queue every
  # minute, also an empty one: silence means that the queue, or the broker, is gone.
  mapped = {
    for stream, queue in var.mapped : "mapping-silent-${stream}" => {
      kind       = "mapping-silent"
      namespace  = "AWS/AmazonMQ"
      metric     = "MessageReadyCount"
      dimensions = { Broker = queue.broker, VirtualHost = queue.vhost, Queue = queue.queue }
      statistic  = "Minimum"
      below      = false
      threshold  = 0
      window     = { period = 60, of = local.mapped_minutes[stream], breaching = local.mapped_minutes[stream] }
      missing    = "breaching"
    }
  }
  mapped_minutes = { for stream in keys(var.mapped) : stream => min(1440, max(5, ceil(var.latency_factor * var.streams[stream].max_latency / 60))) }

  foreign = merge(local.sweep, local.bridge, local.dead, local.functions, local.mapped)
}

resource "aws_cloudwatch_metric_alarm" "foreign" {
  for_each = local.foreign

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${local.kinds[each.value.kind]} Runbook: docs/runbook.md, ${each.value.kind}."

  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = each.value.window.period
  evaluation_periods  = each.value.window.of
  datapoints_to_alarm = each.value.window.breaching
  treat_missing_data  = each.value.missing

  alarm_actions = var.alarm_topics
  ok_actions    = var.alarm_topics
}
