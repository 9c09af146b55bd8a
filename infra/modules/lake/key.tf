# One key for all that Foz stores: objects, catalog, hints, logs.

locals {
  own_key = var.kms_key_arn == null
  key_arn = local.own_key ? one(aws_kms_key.this[*].arn) : var.kms_key_arn
  account = data.aws_caller_identity.this.account_id
}

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}
data "aws_region" "this" {}

resource "aws_kms_key" "this" {
  count = local.own_key ? 1 : 0

  description             = "Objects, catalog, hints and logs of ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30 # the longest there is: with the key, everything would be gone
  policy                  = jsonencode({ Version = "2012-10-17", Statement = concat(local.key_grants, var.protected ? [local.key_stays] : []) })
}

resource "aws_kms_alias" "this" {
  count = local.own_key ? 1 : 0

  name          = "alias/${var.name}"
  target_key_id = aws_kms_key.this[0].key_id
}

locals {
  # A `terraform destroy` that leaves the data must leave its key.
  key_stays = {
    Sid       = "KeyStays"
    Effect    = "Deny"
    Principal = "*"
    Action    = ["kms:DisableKey", "kms:ScheduleKeyDeletion"]
    Resource  = "*"
  }

  key_grants = [
    {
      Sid       = "AccountDecides" # IAM policies of this account say who may use the key
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.this.partition}:iam::${local.account}:root" }
      Action    = "kms:*"
      Resource  = "*"
    },
    {
      Sid       = "BucketTellsQueue" # S3 writes its events into the encrypted queue of hints
      Effect    = "Allow"
      Principal = { Service = "s3.amazonaws.com" }
      Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
      Resource  = "*"
      Condition = { StringEquals = { "aws:SourceAccount" = local.account } }
    },
    {
      Sid       = "Logs"
      Effect    = "Allow"
      Principal = { Service = "logs.${data.aws_region.this.name}.amazonaws.com" }
      Action = [
        "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext",
        "kms:ReEncryptFrom", "kms:ReEncryptTo",
      ]
      Resource = "*"
      Condition = {
        ArnLike = {
          "kms:EncryptionContext:aws:logs:arn" = "arn:${data.aws_partition.this.partition}:logs:${data.aws_region.this.name}:${local.account}:log-group:*${var.name}*"
        }
      }
    },
  ]
}
