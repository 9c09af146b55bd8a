# The lock as Terraform understands it. No provider, no account: only functions of the files.

run "a_right_one" {
  command = plan

  variables {
    pipeline = "tests/fixtures/right/pipeline.yaml"
  }

  assert {
    condition     = output.problem == null
    error_message = "Nothing is wrong with it."
  }

  assert {
    condition     = output.lock.lake == "shop" && output.lock.broker == { secret = "shop/broker", vhost = "/" } && join(" ", keys(output.lock.streams)) == "customers orders"
    error_message = "The lake, its broker and its streams are those of the file."
  }

  assert {
    condition     = jsonencode(output.lock.groups) == jsonencode([{ name = "customers", streams = ["customers", "orders"] }])
    error_message = "The groups are those of the lock."
  }

  assert {
    condition     = yamldecode(output.definition).streams.orders.transform == file("tests/fixtures/right/sql/orders.sql")
    error_message = "The SQL stands in the definition as it stands in its file."
  }

  assert {
    condition     = sha256(output.definition) == output.lock.digest
    error_message = "The text is named by its digest."
  }

  assert {
    condition     = [for column in regexall("\"(\\w+)\": \\{ type:", split("\"orders\":", output.definition)[1]) : column[0]] == ["order_id", "customer_id", "updated_at"]
    error_message = "The columns stand in their order, which is the table's."
  }
}

run "what_terraform_acts_on" {
  command = plan

  variables {
    pipeline = "tests/fixtures/doors/pipeline.yaml"
  }

  assert {
    condition     = output.problem == null
    error_message = "A stream that refers to itself may have either door."
  }

  assert {
    condition = output.lock.streams == {
      customers = { queue = "customers.state", door = "bridge", max_latency_s = 90, consolidate_every_s = 30 }
      employees = { queue = "employees.state", door = "mapping", max_latency_s = 90, consolidate_every_s = 60 }
      orders    = { queue = "orders.state", door = "mapping", max_latency_s = 2, consolidate_every_s = 1 }
      products  = { queue = "products.state", door = "mapping", max_latency_s = 3600, consolidate_every_s = 1200 }
    }
    error_message = "A stream's own value, else the one for all, else the default: ${jsonencode(output.lock.streams)}"
  }
}

# The lock of a foz with other defaults than those of today.
run "what_foz_found_counts" {
  command = plan

  variables {
    pipeline = "tests/fixtures/found/pipeline.yaml"
  }

  assert {
    condition     = output.lock.streams == { orders = { queue = "orders.state", door = "mapping", max_latency_s = 30, consolidate_every_s = 12 } }
    error_message = jsonencode(output.lock.streams)
  }
}

run "texts_that_yaml_takes_for_numbers_are_as_they_are_written" {
  command = plan

  variables {
    pipeline = "tests/fixtures/unquoted/pipeline.yaml"
  }

  assert {
    condition     = output.problem == null && jsonencode(output.lock.broker) == jsonencode({ secret = "0x1F", vhost = "007" })
    error_message = jsonencode(output.lock.broker)
  }

  assert {
    condition = jsonencode({ for name, stream in output.lock.streams : name => stream.queue }) == jsonencode({
      binary      = "0b11"
      date        = "2026-01-31"
      exponent    = "1e3"
      float       = ".5"
      infinity    = ".inf"
      new_octal   = "0o14"
      octal       = "0600"
      signed      = "+1"
      time        = "12:30:45"
      underscores = "1_000"
    })
    error_message = jsonencode(output.lock.streams)
  }

  # Here Terraform's own YAML reads both: the file as something else, what the functions read as the lock.
  assert {
    condition = (
      jsonencode(yamldecode(file("tests/fixtures/unquoted/pipeline.yaml")).streams.octal.queue) != jsonencode("0600") &&
      { for name, stream in yamldecode(output.definition).streams : name => stream.queue } == { for name, stream in output.lock.streams : name => stream.queue } &&
      yamldecode(output.definition).broker == output.lock.broker
    )
    error_message = "The resolved text is the same to every reader of YAML."
  }
}

run "a_changed_text_needs_a_new_lock" {
  command = plan

  variables {
    pipeline = "tests/fixtures/stale/pipeline.yaml"
  }

  assert {
    condition     = output.problem == "pipeline.yaml, its SQL or the lock changed since foz wrote pipeline.lock.json: run `foz check --lock tests/fixtures/stale/pipeline.yaml` again"
    error_message = coalesce(output.problem, "nothing")
  }
}

# A text of which the digest is another one.
run "a_lock_that_was_edited" {
  command = plan

  variables {
    pipeline = "tests/fixtures/edited/pipeline.yaml"
  }

  assert {
    condition     = output.problem == "pipeline.yaml, its SQL or the lock changed since foz wrote pipeline.lock.json: run `foz check --lock tests/fixtures/edited/pipeline.yaml` again"
    error_message = coalesce(output.problem, "nothing")
  }
}

run "a_lock_of_another_version" {
  command = plan

  variables {
    pipeline = "tests/fixtures/other_version/pipeline.yaml"
  }

  assert {
    condition     = output.problem == "pipeline.lock.json is of another version of foz: run `foz check --lock tests/fixtures/other_version/pipeline.yaml` again"
    error_message = coalesce(output.problem, "nothing")
  }

  assert {
    condition     = keys(output.lock.streams) == ["unknown"] && output.definition == ""
    error_message = "Nothing of it is read."
  }
}

run "without_a_lock" {
  command = plan

  variables {
    pipeline = "tests/fixtures/unlocked/pipeline.yaml"
  }

  assert {
    condition     = output.problem == "pipeline.lock.json is not beside pipeline.yaml: run `foz check --lock tests/fixtures/unlocked/pipeline.yaml`"
    error_message = coalesce(output.problem, "nothing")
  }
}
