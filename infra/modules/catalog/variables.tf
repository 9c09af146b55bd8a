variable "name" {
  description = "Name of the table."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.-]{3,255}$", var.name))
    error_message = "DynamoDB takes names of 3 to 255 letters, digits, underscores, dots and hyphens."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the table."
  type        = string
}

variable "protected" {
  description = "Whether DynamoDB refuses to delete the table."
  type        = bool
  default     = true
}
