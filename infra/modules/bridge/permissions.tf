# What the bridge's user may do at the broker, as RabbitMQ's patterns.

locals {
  # Letters, digits, _ and - stand for themselves; everything else that a queue's name may hold is escaped.
  patterns = [for queue in sort(var.queues) : replace(queue, "/([^A-Za-z0-9_-])/", "\\$1")]
  queues   = "^(${join("|", local.patterns)})$"
  lock     = "^foz\\.${var.lake}\\.[a-z0-9_]+\\.lock$"

  permissions = {
    # The groups' locks are exclusive queues. Without a management API the bridge sees a queue's arguments only by
    # declaring it again, which asks for the same permission.
    configure = var.management_url == null ? "${local.lock}|${local.queues}" : local.lock
    # Markers go through the default exchange, which permissions know by this name.
    write = "^amq\\.default$"
    read  = local.queues
  }
}
