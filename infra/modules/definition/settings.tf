# What Terraform itself acts on of a stream: who brings it, and how soon. As foz found it; without a lock as it is written.

locals {
  found = local.fresh ? try({ for stream in flatten(local.lock.groups[*].streams) : stream.stream => stream }, {}) : {}

  # A stream's own value, else the one for all. The defaults below are those of `foz_pipeline::Settings`.
  values = {
    for name, stream in local.streams : name => {
      for key in ["max_latency", "consolidate_every", "door"] : key =>
      try(coalesce(try(tostring(stream[key]), null), try(tostring(local.parsed.defaults[key]), null)), null)
    }
  }
  units = { s = 1, m = 60, h = 3600, d = 86400 }
  seconds = {
    for name, values in local.values : name => {
      for key in ["max_latency", "consolidate_every"] : key =>
      try(tonumber(regex("^([0-9]+) *[smhd]$", values[key])[0]) * local.units[regex("[smhd]$", values[key])], null)
    }
  }
  latencies = { for name, seconds in local.seconds : name => try(local.found[name].max_latency_s, coalesce(seconds.max_latency, 60)) }

  settled = {
    for name, stream in local.streams : name => {
      queue             = try(tostring(stream.queue), "")
      door              = try(local.found[name].door, coalesce(local.values[name].door, "bridge"))
      max_latency       = local.latencies[name]
      consolidate_every = try(local.found[name].consolidate_every_s, coalesce(local.seconds[name].consolidate_every, max(1, floor(local.latencies[name] / 3))))
    }
  }
}
