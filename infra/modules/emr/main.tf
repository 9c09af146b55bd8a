# What a cluster of the EMR engine is launched with. Terraform starts none: dispatch does, when a range is too large for
# the embedded engine, from the settings in `launch`; a cluster that has been idle for a while ends by itself.

data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

locals {
  partition = data.aws_partition.this.partition
  account   = data.aws_caller_identity.this.account_id
  # The managed policy of the service role allows what it allows for what carries this tag.
  managed = { "for-use-with-amazon-emr-managed-policies" = "true" }
  # Dispatch finds its cluster by this tag.
  cluster_tags = merge(var.tags, local.managed, { "foz:lake" = var.lake })

  # A role may write staged files and its logs. Engines do not commit: no catalog, no table.
  written = [var.staged_prefix, var.log_prefix]
  read    = ["config", "raw", "raw-oversize", "tables", var.code_prefix]
}

resource "aws_emr_security_configuration" "this" {
  #checkov:skip=CKV_AWS_171:SSE-KMS where a key is given, which this check cannot see through merge()
  name = var.name

  configuration = jsonencode({
    EncryptionConfiguration = merge(
      {
        EnableAtRestEncryption    = true
        EnableInTransitEncryption = var.in_transit_certificates != null
        AtRestEncryptionConfiguration = merge(
          {
            S3EncryptionConfiguration = var.kms_key_arn == null ? { EncryptionMode = "SSE-S3" } : {
              EncryptionMode = "SSE-KMS"
              AwsKmsKey      = var.kms_key_arn
            }
          },
          var.kms_key_arn == null ? {} : {
            LocalDiskEncryptionConfiguration = {
              EncryptionKeyProviderType = "AwsKms"
              AwsKmsKey                 = var.kms_key_arn
              EnableEbsEncryption       = true
            }
          },
        )
      },
      var.in_transit_certificates == null ? {} : {
        InTransitEncryptionConfiguration = {
          TLSCertificateConfiguration = {
            CertificateProviderType = "PEM"
            S3Object                = var.in_transit_certificates
          }
        }
      },
    )
    # Only who is on the node itself gets the node's credentials, and only by asking for a token.
    InstanceMetadataServiceConfiguration = {
      MinimumInstanceMetadataServiceVersion = 2
      HttpPutResponseHopLimit               = 1
    }
  })
}
