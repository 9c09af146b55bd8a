# The registry of `shared/edge/src/metrics.rs`, as far as Terraform must know it: a test compares the two. Alarms and
# dashboard name a metric of ours only through this map, so one that the code does not emit cannot be watched by mistake.

locals {
  namespace = "Foz"

  # What every metric of ours carries beside its own dimensions, named by the catalog: an account may hold several lakes.
  lake = { lake = var.table }

  metrics = {
    MessagesIn            = { dimensions = ["stream"], unit = "Count" }
    BytesIn               = { dimensions = ["stream"], unit = "Bytes" }
    Batches               = { dimensions = ["stream"], unit = "Count" }
    BatchesRepeated       = { dimensions = ["stream"], unit = "Count" }
    Fenced                = { dimensions = ["stream"], unit = "Count" }
    Conflicts             = { dimensions = ["stream"], unit = "Count" }
    Busy                  = { dimensions = ["stream"], unit = "Count" }
    HintsLost             = { dimensions = ["stream"], unit = "Count" }
    RedeliveredDropped    = { dimensions = ["stream"], unit = "Count" }
    RowsQuarantined       = { dimensions = ["stream"], unit = "Count" }
    EventsIgnored         = { dimensions = ["function"], unit = "Count" }
    OldestPending         = { dimensions = ["group"], unit = "Milliseconds" }
    SequenceLag           = { dimensions = ["group"], unit = "Count" }
    ImageLag              = { dimensions = ["group"], unit = "Count" }
    RunsClaimed           = { dimensions = ["group"], unit = "Count" }
    Takeovers             = { dimensions = ["group"], unit = "Count" }
    Halts                 = { dimensions = ["group"], unit = "Count" }
    RunDuration           = { dimensions = ["group", "engine"], unit = "Milliseconds" }
    ConsolidationDuration = { dimensions = ["group"], unit = "Milliseconds" }
  }

  groups  = [for group in var.groups : group.name]
  streams = flatten([for group in var.groups : group.streams])

  # Values of the dimensions that the dashboard draws, as many as it has room for. Only dispatch ignores events; the
  # engines are those of `foz_domain::run::Engine`.
  values = {
    stream   = slice(local.streams, 0, min(local.room, length(local.streams)))
    group    = slice(local.groups, 0, min(local.room, length(local.groups)))
    function = ["dispatch"]
    engine   = ["embedded", "emr"]
  }

  # Every series of a metric that is drawn: its dimensions, and what a person calls it.
  series = {
    for name, metric in local.metrics : name => [
      for values in setproduct([name], [for dimension in metric.dimensions : local.values[dimension]]...) : {
        dimensions = zipmap(metric.dimensions, slice(values, 1, length(values)))
        label      = join(" ", slice(values, 1, length(values)))
      }
    ]
  }
}
