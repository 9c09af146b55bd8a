mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name     = "foz-flights"
  region   = "us-east-1"
  registry = jsondecode(file("../../generated/registry.json"))
  groups = [
    { name = "airlines", streams = ["airlines", "flights"] },
    { name = "orders", streams = ["orders"] },
  ]
  streams = {
    airlines = { max_latency = 3600, consolidate_every = 1200 }
    flights  = { max_latency = 15, consolidate_every = 5 }
    orders   = { max_latency = 60, consolidate_every = 20 }
  }
  functions = { dispatch = "foz-flights-dispatch", ingest = "foz-flights-ingest" }
  queues    = { hints = "foz-flights-hints", dead = "foz-flights-hints-dead" }
  bucket    = "foz-flights-123456789012"
  table     = "foz-flights"
}

run "the_most_eager_promise_of_a_group_sets_its_alarms" {
  command = plan

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.own["oldest-airlines"].threshold == 3 * 15 * 1000 &&
      aws_cloudwatch_metric_alarm.own["oldest-orders"].threshold == 3 * 60 * 1000 &&
      aws_cloudwatch_metric_alarm.own["images-airlines"].threshold == 5 * 1000
    )
    error_message = "A group runs as one: flights' 15 s and 5 s hold for airlines too."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.own["oldest-airlines"].alarm_name == "foz-flights-oldest-airlines"
    error_message = "Names are foz-<lake>-<what>-<group>."
  }
}

run "every_group_stream_and_function_is_watched" {
  command = plan

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.own)) == toset(flatten([
      [for group in ["airlines", "orders"] : [for kind in ["oldest", "halts", "takeovers", "images", "debt"] : "${kind}-${group}"]],
      [for stream in ["airlines", "flights", "orders"] : [for kind in ["quarantined", "fenced", "conflicts"] : "${kind}-${stream}"]],
    ]))
    error_message = "Five alarms a group, three a stream."
  }

  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.foreign)) == toset([
      "sweep-silent", "hints-dead", "errors-dispatch", "errors-ingest", "throttles-dispatch", "throttles-ingest",
    ])
    error_message = "Two alarms a function, one each for the sweep and the dead hints; none for a bridge that is not an ECS service."
  }
}

run "what_a_bridge_serves_is_watched_by_what_it_tells" {
  command = plan

  variables {
    held = { groups = ["orders"] }
  }

  assert {
    condition     = toset([for key, alarm in aws_cloudwatch_metric_alarm.own : key if alarm.treat_missing_data == "breaching"]) == toset(["unheld-orders"])
    error_message = "A bridge that says nothing of its group is news."
  }

  assert {
    condition     = toset([for key, alarm in aws_cloudwatch_metric_alarm.own : key if alarm.treat_missing_data == "ignore"]) == toset(["queue-unfit-orders", "stranger-orders", "dead-letters-orders"])
    error_message = "A bridge that stops has mended no queue, and removed no consumer."
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.own["unheld-orders"].comparison_operator == "LessThanThreshold" &&
      aws_cloudwatch_metric_alarm.own["unheld-orders"].period * aws_cloudwatch_metric_alarm.own["unheld-orders"].evaluation_periods == 300 &&
      aws_cloudwatch_metric_alarm.own["unacknowledged-orders"].threshold == 3 * 60 * 1000
    )
    error_message = "Five minutes for a service; three times what is promised for a message that is held."
  }

  assert {
    condition = alltrue([
      for kind in ["queue-unfit", "stranger", "consumes-refused", "dead-letters", "redelivered", "backlog"] : contains(keys(aws_cloudwatch_metric_alarm.own), "${kind}-orders")
    ])
    error_message = "All that the bridge tells has its alarm."
  }
}

run "a_drain_is_missed_after_its_periods" {
  command = plan

  variables {
    held = { groups = ["orders"], silence = 26 * 3600 }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.own["unheld-orders"].period == 3600 &&
      aws_cloudwatch_metric_alarm.own["unheld-orders"].evaluation_periods == 26
    )
    error_message = "CloudWatch looks back more than a day only by the hour."
  }
}

run "a_whole_day_is_looked_back_by_the_minute" {
  command = plan

  variables {
    held = { groups = ["orders"], silence = 86400 }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.own["unheld-orders"].period == 60 &&
      aws_cloudwatch_metric_alarm.own["unheld-orders"].evaluation_periods == 1440
    )
    error_message = "CloudWatch looks back a day at most by less than the hour."
  }
}

run "a_mapped_queue_is_watched_by_what_the_broker_measures" {
  command = plan

  variables {
    mapped = { orders = { broker = "shop", vhost = "/", queue = "orders.state" } }
  }

  assert {
    condition = (
      aws_cloudwatch_metric_alarm.foreign["mapping-silent-orders"].treat_missing_data == "breaching" &&
      aws_cloudwatch_metric_alarm.foreign["mapping-silent-orders"].dimensions == tomap({ Broker = "shop", VirtualHost = "/", Queue = "orders.state" }) &&
      aws_cloudwatch_metric_alarm.foreign["mapping-silent-orders"].evaluation_periods == 5
    )
    error_message = "Messages that Lambda does not bring are news, and so is a queue that nobody measures."
  }
}

run "silence_is_news_only_where_something_must_speak" {
  command = plan

  variables {
    bridge = { cluster = "foz-flights", service = "foz-flights-bridge" }
  }

  assert {
    condition = alltrue([
      for key, alarm in merge(aws_cloudwatch_metric_alarm.own, aws_cloudwatch_metric_alarm.foreign) :
      alarm.treat_missing_data == (contains(["sweep-silent", "bridge-silent"], key) ? "breaching" : "notBreaching")
    ])
    error_message = "Counters are silent on a quiet day; the sweep and the bridge never are."
  }
}

run "all_alarms_tell_the_topics_how_they_begin_and_end" {
  command = plan

  variables {
    alarm_topics = ["arn:aws:sns:us-east-1:123456789012:on-call"]
  }

  assert {
    condition = alltrue([
      for alarm in merge(aws_cloudwatch_metric_alarm.own, aws_cloudwatch_metric_alarm.foreign) :
      alarm.alarm_actions == toset(var.alarm_topics) && alarm.ok_actions == toset(var.alarm_topics)
    ])
    error_message = "An alarm without an action is seen by nobody."
  }
}

run "every_alarm_is_on_the_dashboard_and_in_an_order" {
  command = apply

  assert {
    condition     = length([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : widget if widget.type == "alarm"][0].properties.alarms) == 2 * 5 + 3 * 3 + 2 + 2 * 2
    error_message = "A kind without a place in the order is not shown."
  }
}

run "a_large_lake_stays_within_the_limits_of_a_dashboard" {
  command = apply

  variables {
    groups  = [for number in range(101) : { name = "s${number}", streams = ["s${number}"] }]
    streams = { for number in range(101) : "s${number}" => { max_latency = 60, consolidate_every = 20 } }
  }

  assert {
    condition     = sum([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : length(try(widget.properties.metrics, []))]) <= 2500
    error_message = "CloudWatch takes 2,500 metrics a dashboard."
  }

  assert {
    condition     = max([for widget in jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets : length(try(widget.properties.metrics, []))]...) <= 500
    error_message = "CloudWatch takes 500 metrics a graph."
  }

  assert {
    condition     = strcontains(jsondecode(aws_cloudwatch_dashboard.this.dashboard_body).widgets[0].properties.markdown, "Only the first 80")
    error_message = "What is left out must be said."
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.own) == 101 * 8
    error_message = "Alarms watch all."
  }
}

run "a_stream_without_promises_is_refused" {
  command = plan

  variables {
    streams = { orders = { max_latency = 60, consolidate_every = 20 } }
  }

  expect_failures = [var.streams]
}

run "no_time_at_all_is_no_promise" {
  command = plan

  variables {
    groups  = [{ name = "orders", streams = ["orders"] }]
    streams = { orders = { max_latency = 0, consolidate_every = 20 } }
  }

  expect_failures = [var.streams]
}

run "functions_without_dispatch_are_refused" {
  command = plan

  variables {
    functions = { ingest = "foz-flights-ingest" }
  }

  expect_failures = [var.functions]
}

run "a_topic_is_an_arn" {
  command = plan

  variables {
    alarm_topics = ["on-call"]
  }

  expect_failures = [var.alarm_topics]
}

run "a_lake_without_groups_is_refused" {
  command = plan

  variables {
    groups  = []
    streams = {}
  }

  expect_failures = [var.groups]
}

run "a_name_outside_of_foz_is_refused" {
  command = plan

  variables {
    name = "flights"
  }

  expect_failures = [var.name]
}

run "an_alarm_below_the_promise_is_refused" {
  command = plan

  variables {
    latency_factor = 0.5
  }

  expect_failures = [var.latency_factor]
}
