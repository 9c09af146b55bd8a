variable "name" {
  description = "Beginning of the names; alias of the key."
  type        = string
}

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

  validation {
    condition     = can(regex("^config/[0-9a-f]{64}\\.yaml$", var.definition_key))
    error_message = "The key must be config/<digest>.yaml."
  }
}

variable "hint_queue_arn" {
  description = "Queue that is told of new raw objects."
  type        = string
}

variable "kms_key_arn" {
  description = "A key that exists already, for all that is stored; null: one is made. Its policy must let S3 and CloudWatch Logs use it (README)."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:[0-9]{12}:key/.+$", var.kms_key_arn))
    error_message = "The ARN of a key is needed, arn:aws:kms:<region>:<account>:key/<id>: an alias may point elsewhere tomorrow."
  }
}

variable "protected" {
  description = "Whether the bucket can only be destroyed when it is empty."
  type        = bool
  default     = true
}
