variable "pipeline" {
  description = "Path of pipeline.yaml, the one definition of the lake. `foz check --lock` writes pipeline.lock.json beside it."
  type        = string

  validation {
    condition     = fileexists(var.pipeline)
    error_message = "There is no such pipeline.yaml."
  }
}

variable "packages" {
  description = "Folder with one zip for each function, named after it, as `make package` makes it."
  type        = string

  validation {
    condition     = alltrue([for name in keys(local.functions) : fileexists("${var.packages}/${name}.zip")])
    error_message = "The folder must hold a zip for each function: ${join(", ", keys(local.functions))}."
  }
}

variable "name" {
  description = "What the names of all resources begin with; `foz-<lake>` without a word. The same lake in a second region of an account needs another one."
  type        = string
  default     = null

  validation {
    condition     = var.name == null || can(regex("^[a-z][a-z0-9-]{1,48}[a-z0-9]$", var.name))
    error_message = "A name has 3 to 50 small letters, digits and dashes, and begins with a letter: with the account's number it is the bucket's."
  }
}

variable "region" {
  description = "AWS region of the lake."
  type        = string
  default     = "us-east-1"
}

variable "architecture" {
  description = "Processor that the zips were built for."
  type        = string
  default     = "arm64"

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda runs arm64 or x86_64."
  }
}

variable "memory" {
  description = "Memory of functions in MiB, where it is not to be what functions.tf says; processor time grows with it."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.memory) : contains(keys(local.functions), name)])
    error_message = "Memory is given to ${join(", ", keys(local.functions))}; there is no other function."
  }

  validation {
    condition     = alltrue([for size in values(var.memory) : size >= 128 && size <= 10240])
    error_message = "Lambda takes 128 to 10240 MiB."
  }
}

variable "timeout" {
  description = "Seconds that an invocation of functions may take, where they are not to be what functions.tf says. The bridge waits longer than `ingest` may take, and hints stay hidden for twice the time of `dispatch`."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.timeout) : contains(keys(local.default_timeouts), name)])
    error_message = "Time is given to ${join(", ", keys(local.default_timeouts))}; there is no other function."
  }

  # Requests are given up and repeated within half a minute: a function with less would end before it could say what failed.
  validation {
    condition     = alltrue([for seconds in values(var.timeout) : seconds >= 30 && seconds <= 900 && floor(seconds) == seconds])
    error_message = "30 to 900 whole seconds: functions need half a minute to say what failed, and Lambda takes 900 at most."
  }
}

variable "reserved_concurrency" {
  description = "Invocations of functions at one time, reserved and limited; -1, and without a word: what the account has left."
  type        = map(number)
  default     = {}

  validation {
    condition     = alltrue([for name in keys(var.reserved_concurrency) : contains(keys(local.functions), name)])
    error_message = "Concurrency is reserved for ${join(", ", keys(local.functions))}; there is no other function."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces the functions."
  type        = bool
  default     = false
}

variable "kms_key_arn" {
  description = "A key that exists already, for all that is stored; null: the lake makes one. modules/lake/README.md says what its policy must allow."
  type        = string
  default     = null
}

variable "protected" {
  description = "Whether `terraform destroy` leaves bucket (unless it is empty) and catalog. Only the local cloud, and tests, say no."
  type        = bool
  default     = true
}

variable "alarm_topics" {
  description = "ARNs of the SNS topics that are told when an alarm begins and ends. Without any, alarms are only seen on the dashboard."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for arn in var.alarm_topics : can(regex("^arn:[a-z-]+:sns:[a-z0-9-]+:[0-9]{12}:.+$", arn))])
    error_message = "ARNs of SNS topics are needed, arn:aws:sns:<region>:<account>:<name>."
  }
}

variable "log_retention_days" {
  description = "Days that the functions' logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365], var.log_retention_days)
    error_message = "CloudWatch takes 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180 or 365 days."
  }
}

variable "aws_endpoint_url" {
  description = "Address of an emulated AWS; empty on a real account."
  type        = string
  default     = ""

  validation {
    condition     = var.aws_endpoint_url == "" || can(regex("^https?://", var.aws_endpoint_url))
    error_message = "The address must begin with http:// or https://."
  }
}

variable "tags" {
  description = "Tags of everything that can carry some."
  type        = map(string)
  default     = {}
}

variable "network" {
  description = "Where the bridge, a broker and clusters run: private subnets that are there (`vpc_id`, `subnet_ids`), from which the broker and AWS are reached, or a network that is made (`create`)."
  type = object({
    create              = optional(bool, false)
    cidr                = optional(string, "10.117.0.0/20")
    zones               = optional(number, 2)
    interface_endpoints = optional(set(string), ["ecr.api", "ecr.dkr", "kms", "lambda", "logs", "secretsmanager", "sqs"])
    flow_logs           = optional(bool, false)
    vpc_id              = optional(string)
    subnet_ids          = optional(list(string), [])
  })
  default = {}

  validation {
    condition     = !var.network.create || var.network.vpc_id == null && length(var.network.subnet_ids) == 0
    error_message = "Either a network is made, or subnets are there."
  }

  validation {
    condition     = (var.network.vpc_id != null) == (length(var.network.subnet_ids) > 0)
    error_message = "Give both `vpc_id` and `subnet_ids`."
  }
}

variable "bridge" {
  description = "The bridge on ECS; null if it runs elsewhere. Without `image_tag` there is a repository to push to, and nothing runs yet."
  type = object({
    mode                = optional(string, "service")
    tasks               = optional(number, 1)
    drain_schedule      = optional(string, "rate(15 minutes)")
    image_tag           = optional(string)
    cpu                 = optional(number, 512)
    memory              = optional(number, 1024)
    broker_port         = optional(number, 5671)
    broker_cidrs        = optional(list(string), ["0.0.0.0/0"])
    management_url      = optional(string)
    consumer_timeout_ms = optional(number)
    secret_key_arn      = optional(string)
  })
  default = {}
}

variable "broker" {
  description = "Set it, if only to {}, to have Amazon MQ for RabbitMQ made; null if there is a broker, whose URL is in the secret that pipeline.yaml names."
  type = object({
    engine_version  = optional(string, "3.13")
    deployment      = optional(string, "single")
    instance_type   = optional(string, "mq.m7g.medium")
    clients         = optional(map(string), {})
    publisher_cidrs = optional(list(string), [])
    maintenance_window = optional(object({
      day  = optional(string, "SUNDAY")
      time = optional(string, "03:00")
    }), {})
  })
  default = null

  validation {
    condition     = var.broker == null || var.network.create || length(var.network.subnet_ids) > 0
    error_message = "A broker needs subnets: say in `network` which, or have them made."
  }
}

variable "mapping" {
  description = "For streams with `door: mapping`: ARNs of the Amazon MQ broker, of the secret with {\"username\", \"password\"} of Lambda's user there, and of the secret's key if it has one of its own; a broker that is made here needs none of them. `batch_size`: messages of an invocation, at most. `enabled`: whether Lambda consumes."
  type = object({
    broker_arn     = optional(string)
    secret_arn     = optional(string)
    secret_key_arn = optional(string)
    batch_size     = optional(number, 1000)
    enabled        = optional(bool, true)
  })
  default = {}

  validation {
    condition     = var.mapping.broker_arn == null || can(regex("^arn:[^:]+:mq:[^:]+:[0-9]{12}:broker:[^:]+:b-[a-z0-9-]+$", var.mapping.broker_arn))
    error_message = "The ARN of an Amazon MQ broker is needed, arn:aws:mq:<region>:<account>:broker:<name>:<id>."
  }

  validation {
    condition     = var.mapping.broker_arn == null || var.broker == null
    error_message = "Either a broker is made, or one is there and has an ARN."
  }

  validation {
    condition     = var.mapping.secret_arn == null || can(regex("^arn:[^:]+:secretsmanager:[^:]+:[0-9]{12}:secret:.+$", var.mapping.secret_arn))
    error_message = "Lambda takes the ARN of a secret of Secrets Manager, not its name."
  }

  validation {
    condition     = var.mapping.secret_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+$", var.mapping.secret_key_arn))
    error_message = "The ARN of a key is needed, arn:aws:kms:<region>:<account>:key/<id>."
  }

  validation {
    condition     = var.mapping.batch_size >= 1 && var.mapping.batch_size <= 10000 && floor(var.mapping.batch_size) == var.mapping.batch_size
    error_message = "Lambda takes 1 to 10000 messages."
  }
}

variable "emr" {
  description = "Set it, if only to {}, to have roles and launch settings for clusters; null if functions are enough."
  type = object({
    release                 = optional(string, "emr-7.13.0")
    primary_instance_types  = optional(list(string), ["m7g.xlarge", "m6g.xlarge"])
    core_instance_types     = optional(list(string), ["r7g.xlarge", "r6g.xlarge"])
    capacity                = optional(object({ minimum = optional(number, 1), maximum = optional(number, 8) }), {})
    idle_timeout            = optional(number, 900)
    step_concurrency        = optional(number, 8)
    in_transit_certificates = optional(string)
  })
  default = null

  validation {
    condition     = var.emr == null || var.network.create || length(var.network.subnet_ids) > 0
    error_message = "Clusters need subnets: say in `network` which, or have them made."
  }
}
