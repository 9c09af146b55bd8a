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

run "every_mistake_names_its_stream_and_field" {
  command = plan

  variables {
    pipeline = "tests/fixtures/wrong/pipeline.yaml"
  }

  assert {
    condition = jsonencode(output.problems) == jsonencode([
      "brokr: unknown key; known here: lake, broker, defaults, streams",
      "defaults.latency: unknown key; known here: max_latency, consolidate_every, engine, embedded_limit, on_error, buckets, tombstones, retain",
      "streams.Payments: a mapping should stand here",
      "streams.Payments: \"Payments\" cannot name a stream: a-z first, then a-z, 0-9 and _",
      "streams.customers.key: is missing; such as key: [order_id]",
      "streams.orders.colour: unknown key; known here: queue, key, columns, references, version, delete_when, transform, max_latency, consolidate_every, engine, embedded_limit, on_error, buckets, tombstones, retain",
      "streams.orders.version: \"changed_at\" is not among the columns",
      "streams.orders.queue: \"customers.state\" is already the queue of customers; give each stream a queue of its own",
      "streams.orders.references.customer_id: there is no stream \"client\"",
      "streams.orders.references.leg: \"carrier\" is not among the columns",
      "streams.orders.transform: names an SQL file that is not beside pipeline.yaml, or stands on a line of its own; write `transform: path.sql` on one line",
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
