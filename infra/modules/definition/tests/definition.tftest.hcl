# The definition as Terraform understands it. No provider, no account: only functions of the text.

run "a_right_one" {
  command = plan

  variables {
    pipeline = "tests/fixtures/right/pipeline.yaml"
  }

  assert {
    condition     = length(output.problems) == 0
    error_message = "Nothing is wrong with it: ${join("; ", output.problems)}"
  }

  assert {
    condition     = output.lake == "shop" && join(" ", keys(output.streams)) == "customers orders"
    error_message = "The lake and its streams are those of the file."
  }

  assert {
    condition     = jsonencode(output.groups) == jsonencode([{ name = "customers", streams = ["customers", "orders"] }])
    error_message = "The groups are those of the lock."
  }

  assert {
    condition     = yamldecode(output.definition).streams.orders.transform == file("tests/fixtures/right/sql/orders.sql")
    error_message = "The SQL stands in the definition as it stands in its file."
  }

  assert {
    condition     = length(split("\n", output.definition)) == length(split("\n", file("tests/fixtures/right/pipeline.yaml")))
    error_message = "Every other line is as written, in its place."
  }
}

run "what_terraform_acts_on_without_a_lock" {
  command = plan

  variables {
    pipeline     = "tests/fixtures/doors/pipeline.yaml"
    require_lock = false
  }

  assert {
    condition     = length(output.problems) == 0
    error_message = "A stream that refers to itself may have either door: ${join("; ", output.problems)}"
  }

  assert {
    condition = jsonencode(output.streams) == jsonencode({
      customers = { queue = "customers.state", door = "bridge", max_latency = 90, consolidate_every = 30 }
      employees = { queue = "employees.state", door = "mapping", max_latency = 90, consolidate_every = 60 }
      orders    = { queue = "orders.state", door = "mapping", max_latency = 2, consolidate_every = 1 }
      products  = { queue = "products.state", door = "mapping", max_latency = 3600, consolidate_every = 1200 }
    })
    error_message = "A stream's own value, else the one for all, else the default: ${jsonencode(output.streams)}"
  }
}

# The lock of a foz with other defaults than those that are known here.
run "what_foz_found_counts" {
  command = plan

  variables {
    pipeline = "tests/fixtures/found/pipeline.yaml"
  }

  assert {
    condition     = jsonencode(output.streams) == jsonencode({ orders = { queue = "orders.state", door = "mapping", max_latency = 30, consolidate_every = 12 } })
    error_message = jsonencode(output.streams)
  }
}

run "a_mapping_keeps_no_order_across_queues" {
  command = plan

  variables {
    pipeline     = "tests/fixtures/tied/pipeline.yaml"
    require_lock = false
  }

  assert {
    condition = jsonencode(output.problems) == jsonencode([
      "streams.customers.door: a mapping neither waits for another queue nor returns markers, but orders refers to customers; let the bridge bring it: write door: bridge",
      "streams.orders.door: a mapping neither waits for another queue nor returns markers, but orders refers to customers; let the bridge bring it: write door: bridge",
    ])
    error_message = join("\n", output.problems)
  }
}

run "every_mistake_names_its_stream_and_field" {
  command = plan

  variables {
    pipeline = "tests/fixtures/wrong/pipeline.yaml"
  }

  assert {
    condition = jsonencode(output.problems) == jsonencode([
      "brokr: unknown key; known here: lake, broker, defaults, streams",
      "defaults.latency: unknown key; known here: max_latency, consolidate_every, engine, embedded_limit, on_error, buckets, tombstones, retain, door",
      "defaults.door: \"front\" is not bridge or mapping",
      "streams.Payments: a mapping should stand here",
      "streams.Payments: \"Payments\" cannot name a stream: a-z first, then a-z, 0-9 and _",
      "streams.customers.key: is missing; such as key: [order_id]",
      "streams.orders.colour: unknown key; known here: queue, key, columns, references, version, delete_when, transform, max_latency, consolidate_every, engine, embedded_limit, on_error, buckets, tombstones, retain, door",
      "streams.orders.version: \"changed_at\" is not among the columns",
      "streams.products.door: \"lambda\" is not bridge or mapping",
      "streams.orders.queue: \"customers.state\" is already the queue of customers; give each stream a queue of its own",
      "streams.orders.references.customer_id: there is no stream \"client\"",
      "streams.orders.references.leg: \"carrier\" is not among the columns",
      "streams.orders.transform: names an SQL file that is not beside pipeline.yaml, or stands on a line of its own; write `transform: path.sql` on one line",
      "streams.orders.door: a mapping neither waits for another queue nor returns markers, but orders refers to client; let the bridge bring it: write door: bridge",
    ])
    error_message = join("\n", output.problems)
  }
}

run "a_changed_text_needs_a_new_lock" {
  command = plan

  variables {
    pipeline = "tests/fixtures/stale/pipeline.yaml"
  }

  assert {
    condition     = jsonencode(output.problems) == jsonencode(["pipeline.yaml or its SQL changed since `foz check --lock` wrote pipeline.lock.json: run it again"])
    error_message = join("\n", output.problems)
  }
}

run "without_a_lock" {
  command = plan

  variables {
    pipeline = "tests/fixtures/unlocked/pipeline.yaml"
  }

  assert {
    condition     = jsonencode(output.problems) == jsonencode(["pipeline.lock.json is not beside pipeline.yaml: run `foz check --lock`"])
    error_message = join("\n", output.problems)
  }
}

run "without_a_lock_that_is_not_required" {
  command = plan

  variables {
    pipeline     = "tests/fixtures/unlocked/pipeline.yaml"
    require_lock = false
  }

  assert {
    condition     = length(output.problems) == 0 && output.groups == null
    error_message = "It is not asked for, and the groups are not known."
  }
}
