variable "pipeline" {
  description = "Path of pipeline.yaml, the one definition of the lake. Paths of SQL files in it are relative to its folder."
  type        = string

  validation {
    condition     = fileexists(var.pipeline)
    error_message = "There is no such pipeline.yaml."
  }

  validation {
    condition     = can(regex("^[a-z][a-z0-9_]*$", yamldecode(file(var.pipeline)).lake))
    error_message = "`lake` must be given, and be a name of the form [a-z][a-z0-9_]*."
  }
}

variable "packages" {
  description = "Folder with one zip for each function: ingest.zip, dispatch.zip, transform.zip, consolidate.zip."
  type        = string

  validation {
    condition     = alltrue([for name in ["ingest", "dispatch", "transform", "consolidate"] : fileexists("${var.packages}/${name}.zip")])
    error_message = "The folder must hold ingest.zip, dispatch.zip, transform.zip and consolidate.zip."
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
  description = "Memory of each function in MiB; processor time grows with it."
  type = object({
    ingest      = optional(number, 1024)
    dispatch    = optional(number, 512)
    transform   = optional(number, 3008)
    consolidate = optional(number, 3008)
  })
  default = {}

  validation {
    condition     = alltrue([for size in values(var.memory) : size >= 128 && size <= 10240])
    error_message = "Lambda takes 128 to 10240 MiB."
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
