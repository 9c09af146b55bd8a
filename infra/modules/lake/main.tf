# The bucket and what keeps it closed.

resource "aws_s3_bucket" "this" {
  #checkov:skip=CKV_AWS_18:access logs would double the requests' cost; CloudTrail data events, switched on per account, record the same
  #checkov:skip=CKV_AWS_144:a copy in another region is the account's choice: a replication rule can be added beside this module
  bucket        = var.bucket
  force_destroy = !var.protected

  # Destroyed in the reverse order: where the bucket stays, the database must, which knows each table's current state.
  depends_on = [aws_glue_catalog_database.this]
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    bucket_key_enabled = true # one data key for many objects: a hundredth of the requests to KMS

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = local.key_arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "this" {
  bucket = aws_s3_bucket.this.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# No object has an owner or an access list of its own: policies alone decide.
resource "aws_s3_bucket_ownership_controls" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_notification" "raw" {
  bucket = aws_s3_bucket.this.id

  queue {
    id            = "raw-objects"
    queue_arn     = var.hint_queue_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = "raw/"
  }
}

resource "aws_s3_object" "definition" {
  bucket       = aws_s3_bucket_versioning.this.bucket
  key          = var.definition_key
  content      = var.definition
  content_type = "application/yaml"
  kms_key_id   = local.key_arn

  # Functions are told of the new one once it is there; the old one goes when nobody is told of it any more.
  lifecycle {
    create_before_destroy = true
  }

  depends_on = [aws_s3_bucket_server_side_encryption_configuration.this]
}
