variable "name" {
  description = "Beginning of the names."
  type        = string
}

variable "target_arn" {
  description = "The dispatch function."
  type        = string
}

variable "period" {
  description = "How often dispatch looks for work that no hint told of. A minute is EventBridge's smallest period."
  type        = string
  default     = "rate(1 minute)"

  validation {
    condition     = can(regex("^(rate|cron)\\(.+\\)$", var.period))
    error_message = "Write a rate(…) or cron(…) expression."
  }
}
