variable "name" {
  description = "Beginning of the names: foz-<lake>."
  type        = string

  validation {
    condition     = can(regex("^foz-[a-z][a-z0-9-]*$", var.name))
    error_message = "The name must be foz-<lake>, of lower case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region whose metrics the dashboard shows."
  type        = string
}

variable "groups" {
  description = "The groups of pipeline.yaml, each with its streams."
  type = list(object({
    name    = string
    streams = list(string)
  }))

  validation {
    condition     = length(var.groups) > 0 && alltrue([for group in var.groups : length(group.streams) > 0])
    error_message = "A lake has at least one group, and a group at least one stream."
  }
}

variable "streams" {
  description = "What pipeline.yaml promises for each stream, in seconds: `max_latency`, publish to visible, and `consolidate_every`, the pause between two images."
  type = map(object({
    max_latency       = number
    consolidate_every = number
  }))

  validation {
    condition     = toset(keys(var.streams)) == toset(flatten([for group in var.groups : group.streams]))
    error_message = "Every stream of a group needs its promises, and every stream must be in a group."
  }

  validation {
    condition     = alltrue([for stream in values(var.streams) : stream.max_latency >= 1 && stream.consolidate_every >= 1])
    error_message = "`max_latency` and `consolidate_every` are at least one second."
  }
}

variable "registry" {
  description = "What the code emits, as generated/registry.json has it: the namespace, the dimension that every metric carries, and the metrics with the dimensions of each."
  type = object({
    namespace      = string
    lake_dimension = string
    metrics        = map(object({ dimensions = list(string) }))
  })
}

variable "functions" {
  description = "The Lambda functions: what each does → its name. One is `dispatch`, whom the sweep wakes every minute."
  type        = map(string)

  validation {
    condition     = contains(keys(var.functions), "dispatch")
    error_message = "The sweep is watched through the function `dispatch`."
  }
}

variable "queues" {
  description = "Names of the SQS queue of hints and of the queue of those that dispatch failed on."
  type = object({
    hints = string
    dead  = string
  })
}

variable "bucket" {
  description = "The lake's bucket."
  type        = string
}

variable "table" {
  description = "The catalog's DynamoDB table, by whose name our metrics tell this lake from others."
  type        = string
}

variable "bridge" {
  description = "The ECS service that runs the bridge, to be alarmed if no task of it lives; null where there is none, or where the bridge runs on a schedule."
  type = object({
    cluster = string
    service = string
  })
  default = null
}

variable "held" {
  description = "The groups that a bridge of this lake serves and tells of, and after how many seconds without a word it is news that none holds a group: some minutes for a service, some periods of a schedule that drains."
  type = object({
    groups  = optional(list(string), [])
    silence = optional(number, 300)
  })
  default = {}

  validation {
    condition     = length(setsubtract(var.held.groups, [for group in var.groups : group.name])) == 0
    error_message = "Only groups of the lake can be held."
  }

  validation {
    condition     = var.held.silence >= 300 && var.held.silence <= 7 * 86400
    error_message = "CloudWatch looks back five minutes to seven days here."
  }
}

variable "mapped" {
  description = "The queues that Lambda's event source mapping brings, by stream: each as Amazon MQ measures it. Only on RabbitMQ 3.13, as Amazon MQ measures no single queue of later ones."
  type = map(object({
    broker = string
    vhost  = string
    queue  = string
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.mapped), keys(var.streams))) == 0
    error_message = "Only streams of the lake can be mapped."
  }
}

variable "alarm_topics" {
  description = "SNS topics that are told when an alarm begins and ends; at most five. Without any, alarms are only seen on the dashboard."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.alarm_topics) <= 5 && alltrue([for topic in var.alarm_topics : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", topic))])
    error_message = "Name at most five topics, each by its ARN."
  }
}

variable "latency_factor" {
  description = "How many times `max_latency` the oldest unprocessed work of a group may be old before there is an alarm. Above one: the promise is made for the usual day, not for a deployment or a takeover."
  type        = number
  default     = 3

  validation {
    condition     = var.latency_factor >= 1
    error_message = "An alarm below the promise would never end."
  }
}
