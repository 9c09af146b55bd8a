variable "name" {
  description = "Name of the function, of its role and of its log group."
  type        = string

  validation {
    condition     = length(var.name) <= 64
    error_message = "Lambda takes names of at most 64 characters: shorten `lake` in pipeline.yaml."
  }
}

variable "package" {
  description = "Path of the zip with the program, named bootstrap."
  type        = string
}

variable "architecture" {
  description = "arm64 or x86_64."
  type        = string

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Lambda runs arm64 or x86_64."
  }
}

variable "memory" {
  description = "Memory in MiB."
  type        = number

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "Lambda takes 128 to 10240 MiB."
  }
}

variable "scratch" {
  description = "Space in /tmp in MiB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.scratch >= 512 && var.scratch <= 10240
    error_message = "Lambda takes 512 to 10240 MiB."
  }
}

variable "timeout" {
  description = "Longest run of one invocation in seconds."
  type        = number

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "Lambda takes 1 to 900 seconds."
  }
}

variable "environment" {
  description = "What the function is told (docs/environment.md)."
  type        = map(string)

  validation {
    condition     = alltrue([for name in keys(var.environment) : startswith(name, "FOZ_")])
    error_message = "Foz's own variables begin with FOZ_; Lambda sets the others."
  }
}

variable "permissions" {
  description = "What the function may do, beside writing its log. Only grants: what nobody may do stands at the resource."
  type = list(object({
    sid        = string
    actions    = list(string)
    resources  = list(string)
    conditions = optional(map(map(list(string))), {})
  }))

  validation {
    condition     = alltrue(flatten([for each in var.permissions : [for action in each.actions : can(regex("^[a-z0-9-]+:[A-Za-z]+$", action))]]))
    error_message = "Actions are named one by one, as service:Action, without wildcards."
  }

  # To look at a network is a permission without a resource in EC2; Lambda does so for event sources that are in one.
  validation {
    condition = alltrue([
      for each in var.permissions : !contains(each.resources, "*") || length(setsubtract(
        each.actions, ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"],
      )) == 0
    ])
    error_message = "Resources are named: a grant on everything is none, unless its actions know no resources."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the log."
  type        = string
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "asynchronous" {
  description = "Set for a function that is invoked asynchronously: the queue that is told of an event that failed or was too old, if any. Never retried by Lambda: who sent it decides."
  type = object({
    on_failure  = optional(string)
    maximum_age = optional(number, 60)
  })
  default = null
}

variable "reserved_concurrency" {
  description = "Invocations at one time that are reserved for the function, and its limit; -1: as many as the account has left."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency == -1 || var.reserved_concurrency >= 1
    error_message = "Give a number from 1, or -1 for no limit; 0 would stop the function."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces the function."
  type        = bool
  default     = false
}
