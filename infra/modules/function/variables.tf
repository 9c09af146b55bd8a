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
}

variable "memory" {
  description = "Memory in MiB."
  type        = number
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
  description = "What the function is told."
  type        = map(string)
}

variable "policy" {
  description = "What the function may do, beside writing its log."
  type        = string

  validation {
    condition     = can(jsondecode(var.policy).Statement)
    error_message = "The policy must be an IAM policy document in JSON."
  }
}

variable "log_retention_days" {
  description = "Days that the log is kept."
  type        = number
}

variable "asynchronous" {
  description = "Set for a function that is invoked asynchronously: where an event goes that it failed on or that was too old. Never retried by Lambda: who sent it decides."
  type = object({
    on_failure  = string
    maximum_age = optional(number, 60)
  })
  default = null
}
