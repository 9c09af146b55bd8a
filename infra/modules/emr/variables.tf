variable "name" {
  description = "Name of clusters and security configuration, and beginning of the roles' names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,54}$", var.name))
    error_message = "A name has 2 to 55 lower case letters, digits and hyphens: roles add a few, and take 64."
  }
}

variable "lake" {
  description = "Name of the lake, by which dispatch finds its cluster."
  type        = string
}

variable "region" {
  description = "Region of the lake."
  type        = string
}

variable "release" {
  description = "Release of EMR. 7.13 has Spark 3.5, whose dialect the transforms' SQL is checked against."
  type        = string
  default     = "emr-7.13.0"

  validation {
    condition     = can(regex("^emr-7\\.[0-9]+\\.[0-9]+$", var.release))
    error_message = "A release of EMR 7, such as emr-7.13.0: others have another Spark."
  }
}

variable "vpc_id" {
  description = "The VPC of the subnets."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets for clusters; EMR takes the one that has room. Each must carry the tag for-use-with-amazon-emr-managed-policies = true, the VPC too."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "A cluster needs a subnet."
  }
}

variable "primary_instance_types" {
  description = "Instance types of the primary node; EMR takes what is there."
  type        = list(string)
  default     = ["m7g.xlarge", "m6g.xlarge"]

  validation {
    condition     = length(var.primary_instance_types) > 0 && length(var.primary_instance_types) <= 30
    error_message = "One to thirty instance types."
  }
}

variable "core_instance_types" {
  description = "Instance types of the nodes that work, of about the same size: each counts as one unit of capacity."
  type        = list(string)
  default     = ["r7g.xlarge", "r6g.xlarge"]

  validation {
    condition     = length(var.core_instance_types) > 0 && length(var.core_instance_types) <= 30
    error_message = "One to thirty instance types."
  }
}

variable "capacity" {
  description = "Working nodes of a cluster: it starts with the minimum and grows with its steps."
  type = object({
    minimum = optional(number, 1)
    maximum = optional(number, 8)
  })
  default = {}

  validation {
    condition     = var.capacity.minimum >= 1 && var.capacity.maximum >= var.capacity.minimum && var.capacity.maximum <= 1000
    error_message = "At least one node, and at most 1000."
  }
}

variable "idle_timeout" {
  description = "Seconds without a step after which a cluster ends."
  type        = number
  default     = 900

  validation {
    condition     = var.idle_timeout >= 60 && var.idle_timeout <= 604800
    error_message = "EMR takes 60 seconds to seven days."
  }
}

variable "step_concurrency" {
  description = "Steps, thus groups, that run side by side in a cluster."
  type        = number
  default     = 8

  validation {
    condition     = var.step_concurrency >= 2 && var.step_concurrency <= 256
    error_message = "2 to 256: one at a time would let a large group hold up all others."
  }
}

variable "bucket" {
  description = "Name of the lake bucket."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the lake bucket."
  type        = string
}

variable "staged_prefix" {
  description = "Prefix of staged files, without the slash."
  type        = string
  default     = "staged"
}

variable "code_prefix" {
  description = "Prefix of the engine's code, without the slash."
  type        = string
  default     = "emr"
}

variable "log_prefix" {
  description = "Prefix of the clusters' logs, without the slash."
  type        = string
  default     = "logs/emr"

  validation {
    condition     = !startswith(var.log_prefix, "/") && !endswith(var.log_prefix, "/") && !contains(["config", "raw", "raw-oversize", "staged", "tables"], split("/", var.log_prefix)[0])
    error_message = "A prefix of its own, without slashes at its ends."
  }
}

variable "glue_arns" {
  description = "ARNs of Glue's catalog, the lake's database and its tables."
  type        = list(string)

  validation {
    condition     = length(var.glue_arns) > 0 && !contains(var.glue_arns, "*")
    error_message = "Name catalog, database and tables."
  }
}

variable "kms_key_arn" {
  description = "Key for S3 and for the nodes' disks. Without one, S3 encrypts with its own, and disks as the account's default says."
  type        = string
  default     = null
}

variable "in_transit_certificates" {
  description = "s3://bucket/key of a zip with the certificates that nodes show each other; without it, traffic within a cluster is not encrypted."
  type        = string
  default     = null

  validation {
    condition     = var.in_transit_certificates == null || can(regex("^s3://[^/]+/.+\\.zip$", var.in_transit_certificates))
    error_message = "Write s3://bucket/key.zip."
  }
}

variable "tags" {
  description = "Tags of clusters and their instances."
  type        = map(string)
  default     = {}
}
