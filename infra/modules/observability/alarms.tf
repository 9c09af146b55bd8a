# Alarms. Each has an entry in docs/runbook.md under its kind. Missing data is judged alarm by alarm, since it means
# something else each time: our counters are written only when there is something to count, so silence is good news
# (`notBreaching`); where something must speak at all times, silence is the news (`breaching`); and where it says what is
# so until it says otherwise, silence changes nothing (`ignore`).

locals {
  # A group runs as one, so the most eager of its streams' promises holds for all.
  promises = {
    for group in var.groups : group.name => {
      max_latency       = min([for stream in group.streams : var.streams[stream].max_latency]...)
      consolidate_every = min([for stream in group.streams : var.streams[stream].consolidate_every]...)
    }
  }

  # What all alarms of a kind say.
  kinds = {
    sweep-silent  = "Nobody looks for work: dispatch was not invoked for five minutes, although a schedule does so every minute."
    bridge-silent = "No task of the bridge has lived for five minutes: messages stay in their queues."
    halts         = "The group stands still until a person acts: a run failed, more waits than the embedded engine may take, or the catalog contradicts itself."
    oldest        = "The oldest unprocessed work of the group is much older than pipeline.yaml promises."
    hints-dead    = "Hints that dispatch failed on ten times. The sweep does their work; why it failed is worth knowing."
    conflicts     = "Ingest refuses batches since another one stands in their place, or its definition is not the bridge's."
    errors        = "The function keeps failing."
    throttles     = "Lambda keeps refusing to run the function: its concurrency is used up."
    takeovers     = "Warning: jobs of the group keep dying and are taken over."
    debt          = "Warning: tables of the group have waited for a compaction for six hours: they get slower to read."
    fenced        = "Warning: bridges keep taking the group from each other."
    images        = "Warning: making an image takes longer than the pause that pipeline.yaml puts between two."
    quarantined   = "Warning: messages could not be typed and went to the quarantine table, with the reason."

    unheld           = "No bridge says that it holds the group: its messages stay in their queues."
    queue-unfit      = "A queue of the group is gone, or may lose or reorder messages: its stream is not consumed."
    stranger         = "Somebody beside the bridge consumes a queue of the group, or waits to: what it acknowledges is in no table."
    consumes-refused = "The broker refuses the bridge: its login, its channels, or its consumers."
    unacknowledged   = "The bridge has held a message for much longer than pipeline.yaml promises, and has not catalogued it."
    mapping-silent   = "Messages wait in a queue that Lambda's event source mapping should bring, or nobody measures it."
    dead-letters     = "Messages have left the group's queues for the queues of dead letters: they are in no table."
    redelivered      = "Warning: the broker keeps delivering the same messages again."
    backlog          = "Warning: for a quarter of an hour the group's queues were never empty."
  }

  # The order in which the dashboard shows them, as it has no room for all of a large lake.
  order = [
    "sweep-silent", "bridge-silent", "unheld", "halts", "queue-unfit", "stranger", "consumes-refused", "oldest", "unacknowledged", "mapping-silent", "dead-letters",
    "hints-dead", "conflicts", "errors", "throttles", "takeovers", "fenced", "images", "debt", "quarantined", "redelivered", "backlog",
  ]

  of_groups = {
    for group, promise in local.promises : group => {
      # The sweep writes it once a minute as long as something waits. That no sweep writes at all is another alarm's.
      oldest = {
        metric    = "OldestPending"
        statistic = "Maximum"
        threshold = var.latency_factor * promise.max_latency * 1000
        window    = { period = 60, of = 5, breaching = 3 } # a run that was taken over catches up within minutes
      }
      # Dispatch says so at each look, and it looks every minute as long as there is work: one word is enough.
      halts = {
        metric    = "Halts"
        statistic = "Sum"
        threshold = 0
        window    = { period = 300, of = 1, breaching = 1 }
      }
      # One is a process that died, which is nobody's business. The fourth in a quarter of an hour dies of its input.
      takeovers = {
        metric    = "Takeovers"
        statistic = "Sum"
        threshold = 3
        window    = { period = 900, of = 1, breaching = 1 }
      }
      # The sweep writes it once a minute as long as something is due. A compaction begins at once and takes a quarter of an
      # hour at most; of a large table that was left alone for long, several follow one another. One that failed is found here.
      debt = {
        metric    = "OldestDebt"
        statistic = "Maximum"
        threshold = 6 * 3600 * 1000
        window    = { period = 300, of = 3, breaching = 3 }
      }
      # Half an hour: a backlog after a stop makes large images, and ends.
      images = {
        metric    = "ConsolidationDuration"
        statistic = "Average"
        threshold = promise.consolidate_every * 1000
        window    = { period = 300, of = 6, breaching = 6 }
      }
    }
  }

  # Of each group that a bridge of this lake serves. The bridge tells of them three times a minute, held or not.
  of_held = {
    for group in var.held.groups : group => {
      # One bridge that holds it is enough. Silence is the news: no bridge lives, or none can log in.
      unheld = {
        metric    = "Holding"
        statistic = "Maximum"
        below     = true
        threshold = 1
        missing   = "breaching"
        window    = { period = local.silence.period, of = local.silence.of, breaching = local.silence.of }
      }
      # Only a bridge can say that it is over. That none says anything is another alarm's.
      queue-unfit = {
        metric    = "QueuesUnfit"
        statistic = "Maximum"
        threshold = 0
        missing   = "ignore"
        window    = { period = 60, of = 1, breaching = 1 }
      }
      # Only a bridge can say that it is over, too. In a whole minute: while a channel of the bridge follows another, both count.
      stranger = {
        metric    = "Strangers"
        statistic = "Minimum"
        threshold = 0
        missing   = "ignore"
        window    = { period = 60, of = 1, breaching = 1 }
      }
      # One may be a broker that restarts. Tries that go on being refused are two a minute at least.
      consumes-refused = {
        metric    = "ConsumesRefused"
        statistic = "Sum"
        threshold = 1
        window    = { period = 60, of = 1, breaching = 1 }
      }
      unacknowledged = {
        metric    = "OldestUnacknowledged"
        statistic = "Maximum"
        threshold = var.latency_factor * local.promises[group].max_latency * 1000
        window    = { period = 60, of = 5, breaching = 3 }
      }
      dead-letters = {
        metric    = "DeadLetters"
        statistic = "Maximum"
        threshold = 0
        missing   = "ignore" # as above
        window    = { period = 60, of = 1, breaching = 1 }
      }
      # Every end of a reign has some delivered again. For half an hour without a pause, it is the same ones.
      redelivered = {
        metric    = "Redelivered"
        statistic = "Sum"
        threshold = 0
        window    = { period = 300, of = 6, breaching = 6 }
      }
      backlog = {
        metric    = "Ready"
        statistic = "Minimum"
        threshold = 0
        window    = { period = 300, of = 3, breaching = 3 }
      }
    }
  }

  # After how long it is news that nobody holds a group. CloudWatch looks back a day, and seven days by the hour.
  silence_period = var.held.silence <= 86400 ? 60 : 3600
  silence        = { period = local.silence_period, of = ceil(var.held.silence / local.silence_period) }

  of_streams = {
    quarantined = {
      metric    = "RowsQuarantined"
      statistic = "Sum"
      threshold = 0
      window    = { period = 300, of = 1, breaching = 1 }
    }
    # A bridge that takes over fences one batch of each stream, at most; so does a deployment. More is a quarrel.
    fenced = {
      metric    = "Fenced"
      statistic = "Sum"
      threshold = 5
      window    = { period = 900, of = 1, breaching = 1 }
    }
    # While a definition is deployed, bridge and ingest may know different ones for a moment.
    conflicts = {
      metric    = "Conflicts"
      statistic = "Sum"
      threshold = 0
      window    = { period = 300, of = 3, breaching = 2 }
    }
  }

  # The alarms of each group and of each stream, by the dimension that names it.
  named = {
    group  = { for group, alarms in local.of_groups : group => merge(alarms, try(local.of_held[group], {})) }
    stream = { for stream in local.streams : stream => local.of_streams }
  }

  # Name → alarm, each on a metric of ours. Most watch for too much, and are at rest while nothing is told.
  own = merge(flatten([
    for dimension, all in local.named : [
      for name, alarms in all : {
        for kind, alarm in alarms : "${kind}-${name}" => merge(
          { below = false, missing = "notBreaching" }, alarm, { kind = kind, dimensions = { (dimension) = name } },
        )
      }
    ]
  ])...)
}

resource "aws_cloudwatch_metric_alarm" "own" {
  for_each = local.own

  alarm_name        = "${var.name}-${each.key}"
  alarm_description = "${local.kinds[each.value.kind]} Runbook: docs/runbook.md, ${each.value.kind}."

  namespace           = local.namespace
  metric_name         = each.value.metric
  dimensions          = merge(local.lake, each.value.dimensions)
  statistic           = each.value.statistic
  comparison_operator = each.value.below ? "LessThanThreshold" : "GreaterThanThreshold"
  threshold           = each.value.threshold
  period              = each.value.window.period
  evaluation_periods  = each.value.window.of
  datapoints_to_alarm = each.value.window.breaching
  treat_missing_data  = each.value.missing

  alarm_actions = var.alarm_topics
  ok_actions    = var.alarm_topics

  lifecycle {
    precondition {
      condition     = toset(keys(each.value.dimensions)) == toset(local.metrics[each.value.metric].dimensions)
      error_message = "The metric ${each.value.metric} is not emitted with these dimensions: the alarm would watch nothing."
    }
  }
}
