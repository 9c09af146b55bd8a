variable "name" {
  description = "Name of the broker and of its security group."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,49}$", var.name))
    error_message = "Amazon MQ takes names of at most 50 lower case letters, digits and hyphens here."
  }
}

variable "secret" {
  description = "Name of the secret that gets the broker's URL: `broker.secret` of pipeline.yaml."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9/_+=.@-]{1,490}$", var.secret))
    error_message = "A secret's name has letters, digits and /_+=.@- only."
  }
}

variable "secret_key_arn" {
  description = "Key of the secrets, if it is not to be the one that AWS manages."
  type        = string
  default     = null
}

variable "administrator" {
  description = "The broker's first user, who may do everything."
  type        = string
  default     = "administrator"

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]{2,100}$", var.administrator)) && var.administrator != "guest"
    error_message = "Letters, digits, `_`, `.` and `-`; Amazon MQ does not take `guest`."
  }
}

variable "engine_version" {
  description = "RabbitMQ's version. On 4.2 Amazon MQ has no CloudWatch metrics for each queue."
  type        = string
  default     = "3.13"

  validation {
    condition     = contains(["3.13", "4.2"], var.engine_version)
    error_message = "Foz is meant for RabbitMQ 3.13 and 4.2."
  }
}

variable "deployment" {
  description = "`single`: one node, whose loss stops publishers for minutes. `cluster`: three nodes in different zones."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "cluster"], var.deployment)
    error_message = "A `single` node or a `cluster` of three."
  }
}

variable "instance_type" {
  description = "Size of each node. Amazon MQ offers RabbitMQ 4 on mq.m7g only."
  type        = string
  default     = "mq.m7g.medium"

  validation {
    condition     = can(regex("^mq\\.[a-z0-9]+\\.[a-z0-9]+$", var.instance_type)) && (!startswith(var.engine_version, "4.") || startswith(var.instance_type, "mq.m7g."))
    error_message = "An instance type of Amazon MQ, such as mq.m7g.medium; mq.m7g for RabbitMQ 4."
  }
}

variable "vpc_id" {
  description = "The VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets: the first is the single node's; a cluster needs one in each of its zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= (var.deployment == "cluster" ? 2 : 1)
    error_message = "A single node needs a subnet, a cluster at least two in different zones."
  }
}

variable "clients" {
  description = "Name → security group of who may speak AMQP and use the management API: the bridge, and from where it is administered."
  type        = map(string)
  default     = {}
}

variable "publisher_cidrs" {
  description = "Addresses from which services publish."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.publisher_cidrs : can(cidrhost(cidr, 0)) && cidr != "0.0.0.0/0"])
    error_message = "Write ranges of addresses such as 10.0.0.0/16, not all of them."
  }
}

variable "mapping" {
  description = "Whether Lambda's event source mapping consumes from the broker."
  type        = bool
  default     = false
}

variable "maintenance_window" {
  description = "When Amazon MQ may restart nodes for patches, in UTC: day, time HH:MM; two hours from then."
  type = object({
    day  = optional(string, "SUNDAY")
    time = optional(string, "03:00")
  })
  default = {}

  validation {
    condition = (
      contains(["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"], var.maintenance_window.day)
      && can(regex("^([01][0-9]|2[0-3]):[0-5][0-9]$", var.maintenance_window.time))
    )
    error_message = "A day such as SUNDAY and a time such as 03:00."
  }
}

variable "kms_key_arn" {
  description = "Key of the broker's disks, if it is not to be one that AWS owns. It cannot be changed later."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that the broker's logs are kept."
  type        = number
  default     = 30
}
