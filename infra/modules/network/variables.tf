variable "name" {
  description = "Beginning of the names."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,53}$", var.name))
    error_message = "A name has 2 to 54 lower case letters, digits and hyphens."
  }
}

variable "region" {
  description = "Region of the lake."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC; each subnet gets a sixteenth. Choose others where it is to be joined with networks that use these."
  type        = string
  default     = "10.117.0.0/20"

  validation {
    condition     = can(cidrhost(var.cidr, 0)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 24, false)
    error_message = "Write a range such as 10.117.0.0/20; a VPC takes /16 and smaller, and sixteen subnets need /24 or larger."
  }
}

variable "zones" {
  description = "Availability zones, each with a subnet. Interface endpoints are paid for in each; a cluster of brokers wants three."
  type        = number
  default     = 2

  validation {
    condition     = contains([2, 3], var.zones)
    error_message = "Two or three zones."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached through interface endpoints, each paid for by the hour and zone. The bridge needs `ecr.api`, `ecr.dkr`, `lambda`, `logs`, `secretsmanager`, and `kms` where the secret has a key of its own; clusters also `elasticmapreduce` and `glue`, an event source mapping also `sts`."
  type        = set(string)
  default     = ["ecr.api", "ecr.dkr", "kms", "lambda", "logs", "secretsmanager", "sqs"]

  validation {
    condition     = length(setsubtract(var.interface_endpoints, ["ecr.api", "ecr.dkr", "elasticmapreduce", "glue", "kms", "lambda", "logs", "monitoring", "secretsmanager", "sqs", "sts"])) == 0
    error_message = "One is not used by Foz: ecr.api, ecr.dkr, elasticmapreduce, glue, kms, lambda, logs, monitoring, secretsmanager, sqs, sts. S3 and DynamoDB have gateway endpoints."
  }
}

variable "subnet_tags" {
  description = "Tags of the subnets."
  type        = map(string)
  default     = {}
}

variable "flow_logs" {
  description = "Whether CloudWatch keeps a record of who spoke with whom."
  type        = bool
  default     = false
}

variable "log_key_arn" {
  description = "Key that encrypts logs, if it is not the one that CloudWatch keeps. Its policy must let CloudWatch Logs use it."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that flow logs are kept."
  type        = number
  default     = 30
}
