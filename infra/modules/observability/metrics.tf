# The metrics that the code declares. Alarms and dashboard name one of ours only through this map, so what the code does
# not emit cannot be watched by mistake.

locals {
  namespace = var.registry.namespace

  # What every metric of ours carries beside its own dimensions, named by the catalog: an account may hold several lakes.
  lake = { (var.registry.lake_dimension) = var.table }

  metrics = var.registry.metrics

  groups  = [for group in var.groups : group.name]
  streams = flatten([for group in var.groups : group.streams])

  # Values of the dimensions that the dashboard draws, as many as it has room for. Only dispatch ignores events; the
  # engines are those of `foz_domain::job::JobEngine`.
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
