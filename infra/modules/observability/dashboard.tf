# One dashboard, read from the top: is anything wrong, how far behind, what comes in, what is done with it, what needs a
# look, what it costs. `rows` says what is shown; where a widget stands follows from what stands before it.

locals {
  # CloudWatch takes 500 metrics a graph and 2,500 a dashboard. The widest graph has
  # three metrics a stream, all graphs together ten a stream and nineteen a group: with eighty of each there is room to
  # spare. Beyond that the first eighty are shown, and the head of the dashboard says so. Alarms watch all.
  room = 80
  # An alarm widget takes a hundred.
  alarm_room = 100
  head = join("\n", compact([
    "# ${var.name}",
    "${length(local.groups)} groups, ${length(local.streams)} streams. A graph shows the ten largest series. What an alarm means and what to do: docs/runbook.md.",
    max(length(local.groups), length(local.streams)) > local.room ? "Only the first ${local.room} of each are drawn; alarms watch all." : "",
  ]))

  rows = [
    { height = 2, widgets = [{ markdown = local.head }] },
    { height = 4, widgets = [{ title = "Alarms", alarms = slice(local.alarm_arns, 0, min(local.alarm_room, length(local.alarm_arns))) }] },

    { height = 1, widgets = [{ markdown = "## How far behind" }] },
    { height = 6, widgets = [
      { title = "Oldest unprocessed work of a group (ms)", largest = "OldestPending", stat = "Maximum", promise = "max_latency" },
      { title = "Batches not yet in the history tables", largest = "SequenceLag", stat = "Maximum" },
      { title = "Batches not yet in the current tables", largest = "ImageLag", stat = "Maximum" },
    ] },

    { height = 1, widgets = [{ markdown = "## What comes in" }] },
    { height = 6, widgets = [
      { title = "Messages a minute", largest = "MessagesIn", stat = "Sum" },
      { title = "Bytes a minute", largest = "BytesIn", stat = "Sum" },
      { title = "Batches a minute", largest = "Batches", stat = "Sum" },
    ] },

    { height = 1, widgets = [{ markdown = "## What is done with it" }] },
    { height = 6, widgets = [
      { title = "Duration of a run, by engine (ms, p90)", largest = "RunDuration", stat = "p90" },
      { title = "Duration of a consolidation (ms, p90)", largest = "ConsolidationDuration", stat = "p90", promise = "consolidate_every" },
      { title = "Jobs started a minute", largest = "RunsClaimed", stat = "Sum" },
    ] },
    { height = 6, widgets = [
      { title = "Duration of a compaction (ms, p90)", largest = "CompactionDuration", stat = "p90" },
      { title = "Oldest debt of a group to compaction (ms)", largest = "OldestDebt", stat = "Maximum" },
    ] },

    { height = 1, widgets = [{ markdown = "## What needs a look" }] },
    { height = 6, widgets = [
      { title = "Groups that stand still", largest = "Halts", stat = "Sum" },
      { title = "Takeovers", largest = "Takeovers", stat = "Sum" },
      { title = "Messages quarantined", largest = "RowsQuarantined", stat = "Sum" },
    ] },
    { height = 6, widgets = [
      { title = "Batches that ingest refused", totals = ["Fenced", "Conflicts", "Busy"], stat = "Sum" },
      { title = "Repeated batches, redelivered messages, lost hints", totals = ["BatchesRepeated", "RedeliveredDropped", "HintsLost"], stat = "Sum" },
      { title = "Events that dispatch cannot use", totals = ["EventsIgnored"], stat = "Sum" },
    ] },

    { height = 1, widgets = [{ markdown = "## Bridge and its queues" }] },
    { height = 6, widgets = [
      { title = "Bridges that hold a group", largest = "Holding", stat = "Maximum" },
      { title = "Oldest unacknowledged message of a group (ms)", largest = "OldestUnacknowledged", stat = "Maximum", promise = "max_latency" },
      { title = "Messages that wait in the queues", largest = "Ready", stat = "Maximum" },
    ] },
    { height = 6, widgets = [
      { title = "Dead letters", largest = "DeadLetters", stat = "Maximum" },
      { title = "Queues that are not fit", largest = "QueuesUnfit", stat = "Maximum" },
      { title = "Queues that somebody else consumes", largest = "Strangers", stat = "Maximum" },
      { title = "Refused by the broker, delivered again", totals = ["ConsumesRefused", "Redelivered"], stat = "Sum" },
    ] },

    { height = 1, widgets = [{ markdown = "## Functions and queues" }] },
    { height = 6, widgets = [
      { title = "Failed and throttled invocations", metrics = local.failures, stat = "Sum" },
      { title = "Duration of an invocation (ms, p90)", metrics = local.durations, stat = "p90" },
      { title = "Hints", metrics = local.hints, stat = "Maximum" },
    ] },

    { height = 1, widgets = [{ markdown = "## What drives the cost" }] },
    { height = 6, widgets = [
      { title = "Invocations a minute", metrics = local.invocations, stat = "Sum" },
      { title = "Milliseconds computed a minute", metrics = local.durations, stat = "Sum" },
      { title = "Bytes stored, by storage class", metrics = local.stored, stat = "Average", period = 86400, start = "-P28D" },
      { title = "Catalog: capacity units a minute", metrics = local.capacity, stat = "Sum" },
    ] },
  ]

  # Where a widget stands, and the source of what it draws. What is not said of a graph here is the same for all.
  widgets = flatten([
    for number, row in local.rows : [
      for place, widget in row.widgets : {
        type   = can(widget.markdown) ? "text" : can(widget.alarms) ? "alarm" : "metric"
        x      = place * 24 / length(row.widgets)
        y      = sum(concat([0], [for above in slice(local.rows, 0, number) : above.height]))
        width  = 24 / length(row.widgets)
        height = row.height
        # Each part for those that have what it needs.
        properties = merge(
          try({ markdown = widget.markdown }, {}),
          try({ title = widget.title }, {}),
          try({ alarms = widget.alarms }, {}),
          try({ stat = widget.stat, period = try(widget.period, 60), region = var.region, view = "timeSeries", yAxis = { left = { min = 0 } } }, {}),
          try({ metrics = concat([[local.ten[widget.stat]]], local.lines[widget.largest]) }, {}),
          try({ metrics = concat([for name in widget.totals : [local.total[name]]], [for name in widget.totals : local.lines[name]]...) }, {}),
          try({ metrics = widget.metrics }, {}),
          try({ start = widget.start, end = "P0D" }, {}), # S3 measures once a day: nothing would stand in a few hours
          try({ annotations = { horizontal = [local.tightest[widget.promise]] } }, {}),
        )
      }
    ]
  ])
}

resource "aws_cloudwatch_dashboard" "this" {
  dashboard_name = var.name
  dashboard_body = jsonencode({ start = "-PT6H", periodOverride = "inherit", widgets = local.widgets })
}
