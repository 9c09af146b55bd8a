variable "name" {
  description = "Name of the cluster, the repository and the security group, and beginning of the roles' names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,52}$", var.name))
    error_message = "A name has 2 to 53 lower case letters, digits and hyphens: roles add a few, and take 64."
  }
}

variable "lake" {
  description = "Name of the lake, part of the names of the locks."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.lake))
    error_message = "`lake` must be a name of the form [a-z][a-z0-9_]*."
  }
}

variable "region" {
  description = "Region of the lake."
  type        = string
}

variable "mode" {
  description = "`service`: tasks that always consume. `drain`: a task that a schedule starts, which forwards what is there and ends."
  type        = string
  default     = "service"

  validation {
    condition     = contains(["service", "drain"], var.mode)
    error_message = "The bridge runs as a `service`, or on a schedule to `drain`."
  }
}

variable "tasks" {
  description = "Tasks of the service. More than one share the groups; a group has one at a time, another takes over when it ends."
  type        = number
  default     = 1

  validation {
    condition     = var.tasks >= 0 && var.tasks <= 100 && floor(var.tasks) == var.tasks
    error_message = "0 to 100 tasks; 0 stops consuming."
  }
}

variable "drain_schedule" {
  description = "When the queues are drained, in mode `drain`."
  type        = string
  default     = "rate(15 minutes)"

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.drain_schedule))
    error_message = "Write a rate(…) or cron(…) expression."
  }
}

variable "image_tag" {
  description = "Tag of the image in the module's repository. Without one there is a repository to push to, and nothing runs."
  type        = string
  default     = null

  validation {
    condition     = var.image_tag == null || can(regex("^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", var.image_tag)) && var.image_tag != "latest"
    error_message = "A tag has letters, digits, `_`, `.` and `-`. Tags are immutable, so it cannot be `latest`."
  }
}

variable "architecture" {
  description = "Processor that the image was built for, arm64 or x86_64."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Fargate runs arm64 or x86_64."
  }
}

variable "cpu" {
  description = "Units of processor time, 1024 to a core."
  type        = number
  default     = 512

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "256, 512, 1024, 2048 or 4096 units."
  }
}

variable "memory" {
  description = "Memory in MiB. The bridge bounds what it holds to about 200 MB, however many streams there are."
  type        = number
  default     = 1024

  validation {
    condition     = var.memory >= 512 && var.memory >= 2 * var.cpu && var.memory <= 8 * var.cpu
    error_message = "At least 512 MiB; Fargate takes two to eight times as many MiB as `cpu` has units."
  }
}

variable "vpc_id" {
  description = "The VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets that reach the broker and AWS."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "The bridge needs a subnet from which it reaches the broker."
  }
}

variable "broker_port" {
  description = "The broker's port for AMQP over TLS."
  type        = number
  default     = 5671

  validation {
    condition     = var.broker_port > 0 && var.broker_port < 65536 && var.broker_port != 5672
    error_message = "A port; not 5672, which is AMQP without TLS: the bridge takes amqps:// only."
  }
}

variable "broker_cidrs" {
  description = "Addresses of the broker, as far as they are known."
  type        = list(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.broker_cidrs) > 0 && alltrue([for cidr in var.broker_cidrs : can(cidrhost(cidr, 0))])
    error_message = "Write ranges of addresses such as 10.0.0.0/16."
  }
}

variable "broker_secret_arn" {
  description = "ARN of the secret whose text is the broker's URL, amqps://user:password@host:5671/vhost."
  type        = string

  validation {
    condition     = can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.broker_secret_arn))
    error_message = "ECS takes the ARN of a secret of Secrets Manager, not its name."
  }
}

variable "broker_secret_key_arn" {
  description = "Key of the secret, if it is not the one that AWS manages."
  type        = string
  default     = null
}

variable "management_url" {
  description = "The broker's management API, https://…, as the bridge sees it; its user is the URL's. With it the bridge sees what policies set, and needs no permission to declare the streams' queues."
  type        = string
  default     = null

  validation {
    condition     = var.management_url == null || can(regex("^https://[^@]+$", var.management_url))
    error_message = "The address must begin with https:// and name no user: this is no secret."
  }
}

variable "consumer_timeout_ms" {
  description = "The queues' consumer timeout in milliseconds, if it is not RabbitMQ's half an hour."
  type        = number
  default     = null

  validation {
    condition     = var.consumer_timeout_ms == null || coalesce(var.consumer_timeout_ms, 0) >= 60000
    error_message = "At least 60000, the least that RabbitMQ takes."
  }
}

variable "vhost" {
  description = "The virtual host, as pipeline.yaml names it."
  type        = string
  default     = "/"

  validation {
    condition     = var.vhost != "" && !strcontains(var.vhost, "'")
    error_message = "A virtual host has a name, without apostrophes."
  }
}

variable "queues" {
  description = "Queues of the streams, for the permissions at the broker."
  type        = list(string)

  validation {
    condition     = length(var.queues) > 0 && alltrue([for queue in var.queues : queue != "" && !strcontains(queue, "'")])
    error_message = "A bridge has at least one queue, and no name of a queue holds an apostrophe."
  }
}

variable "bucket" {
  description = "Name of the lake bucket."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the lake bucket."
  type        = string
}

variable "definition_key" {
  description = "Key of the current definition in the bucket. Another one starts other tasks."
  type        = string
}

variable "table" {
  description = "Name of the catalog's table."
  type        = string
}

variable "table_arn" {
  description = "ARN of the catalog's table."
  type        = string
}

variable "ingest_function" {
  description = "Name of the ingest function."
  type        = string
}

variable "ingest_function_arn" {
  description = "ARN of the ingest function, the only one that the bridge may invoke."
  type        = string
}

variable "ingest_timeout" {
  description = "Seconds that an invocation of the ingest function may take; the bridge waits longer."
  type        = number

  validation {
    condition     = var.ingest_timeout >= 1 && var.ingest_timeout <= 900 && floor(var.ingest_timeout) == var.ingest_timeout
    error_message = "Lambda takes 1 to 900 whole seconds."
  }
}

variable "data_key_arns" {
  description = "Keys of bucket and table, if they are not those that AWS manages."
  type        = list(string)
  default     = []
}

variable "repository_key_arn" {
  description = "Key of the repository, if it is not the one that AWS manages."
  type        = string
  default     = null
}

variable "log_level" {
  description = "What is logged: `info`, `debug`, `foz_catalog=debug,info`, …"
  type        = string
  default     = "info"
}

variable "log_key_arn" {
  description = "Key that encrypts logs, if it is not the one that CloudWatch keeps. Its policy must let CloudWatch Logs use it."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
  default     = 30
}
