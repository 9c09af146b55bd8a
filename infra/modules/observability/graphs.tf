# What the dashboard's graphs draw. A metric is listed as CloudWatch does it: namespace, name, dimensions in pairs, and how
# it is drawn.

locals {
  # The series of our metrics: not drawn themselves, but taken up by an expression over all of them.
  lines = {
    for name, series in local.series : name => [
      for number, one in series : concat(
        [local.namespace, name],
        flatten([for dimension, value in local.lake : [dimension, value]]),
        flatten([for dimension in local.metrics[name].dimensions : [dimension, one.dimensions[dimension]]]),
        [{ id = "${lower(name)}${number}", label = one.label, visible = false }],
      )
    ]
  }

  # With fifty streams nobody reads fifty lines: the ten largest, by what a graph is about.
  ten = {
    Sum     = { id = "ten", expression = "SORT(METRICS(), SUM, DESC, 10)" }
    Maximum = { id = "ten", expression = "SORT(METRICS(), MAX, DESC, 10)" }
    p90     = { id = "ten", expression = "SORT(METRICS(), MAX, DESC, 10)" }
  }

  # One line for all series of a metric, found by the beginning of their ids.
  total = {
    for name in keys(local.metrics) : name => { id = "total_${lower(name)}", label = name, expression = "SUM(METRICS(\"${lower(name)}\"))" }
  }

  # What the most eager group promises, as a line across a graph in milliseconds.
  tightest = {
    max_latency       = { label = "tightest max_latency", value = 1000 * min([for promise in values(local.promises) : promise.max_latency]...) }
    consolidate_every = { label = "tightest consolidate_every", value = 1000 * min([for promise in values(local.promises) : promise.consolidate_every]...) }
  }

  alarm_arns = flatten([
    for kind in local.order : concat(
      [for key, alarm in local.foreign : aws_cloudwatch_metric_alarm.foreign[key].arn if alarm.kind == kind],
      [for key, alarm in local.own : aws_cloudwatch_metric_alarm.own[key].arn if alarm.kind == kind],
    )
  ])

  failures = concat([
    for what, function in var.functions : [
      for metric in ["Errors", "Throttles"] : ["AWS/Lambda", metric, "FunctionName", function, { label = "${what} ${lower(metric)}" }]
    ]
  ]...)
  durations   = [for what, function in var.functions : ["AWS/Lambda", "Duration", "FunctionName", function, { label = what }]]
  invocations = [for what, function in var.functions : ["AWS/Lambda", "Invocations", "FunctionName", function, { label = what }]]

  hints = [
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queues.hints, { label = "waiting" }],
    ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", var.queues.dead, { label = "dead" }],
    ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", var.queues.hints, { label = "oldest (s)", yAxis = "right" }],
  ]

  # Images and raw objects that nobody reads any more are in the Glacier classes.
  stored = [
    for class in ["StandardStorage", "GlacierInstantRetrievalStorage", "GlacierStorage", "DeepArchiveStorage"] :
    ["AWS/S3", "BucketSizeBytes", "BucketName", var.bucket, "StorageType", class, { label = class }]
  ]

  capacity = [
    ["AWS/DynamoDB", "ConsumedReadCapacityUnits", "TableName", var.table, { label = "read" }],
    ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table, { label = "write" }],
    ["AWS/DynamoDB", "ConsumedWriteCapacityUnits", "TableName", var.table, "GlobalSecondaryIndexName", "pending", { label = "write, index of pending groups" }],
  ]
}
