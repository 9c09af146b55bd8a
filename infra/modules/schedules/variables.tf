variable "name" {
  description = "Beginning of the names."
  type        = string
}

variable "schedules" {
  description = "Name → how often (`rate(…)` or `cron(…)`), and the function that is invoked with which input, in JSON."
  type = map(object({
    expression   = string
    input        = string
    function_arn = string
  }))

  validation {
    condition     = alltrue([for name in keys(var.schedules) : can(regex("^[a-z][a-z0-9-]*$", name))])
    error_message = "Names are of lower case letters, digits and hyphens."
  }

  validation {
    condition     = alltrue([for schedule in values(var.schedules) : can(regex("^(rate|cron)\\(.+\\)$", schedule.expression))])
    error_message = "Write a rate(…) or cron(…) expression."
  }
}
