variable "bucket" {
  description = "Name of the bucket."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.bucket))
    error_message = "A bucket's name has 3 to 63 letters, digits and hyphens: shorten `lake` in pipeline.yaml."
  }
}

variable "glue_database" {
  description = "Name of the Glue database."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", var.glue_database))
    error_message = "Athena takes lower case letters, digits and underscores."
  }
}

variable "definition" {
  description = "Text of the definition, its SQL inlined."
  type        = string
}

variable "definition_key" {
  description = "Key of the definition; carries its digest, so that a stored definition never changes."
  type        = string
}

variable "hint_queue_arn" {
  description = "Queue that is told of new objects."
  type        = string
}

variable "notified_prefix" {
  description = "Prefix of the objects that the queue is told of."
  type        = string
}
