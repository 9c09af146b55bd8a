resource "aws_s3_bucket" "this" {
  bucket = var.bucket
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
    apply_server_side_encryption_by_default {
      sse_algorithm = "AES256"
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

resource "aws_s3_bucket_notification" "raw" {
  bucket = aws_s3_bucket.this.id

  queue {
    id            = "raw-objects"
    queue_arn     = var.hint_queue_arn
    events        = ["s3:ObjectCreated:*"]
    filter_prefix = var.notified_prefix
  }
}

resource "aws_s3_object" "definition" {
  bucket       = aws_s3_bucket_versioning.this.bucket
  key          = var.definition_key
  content      = var.definition
  content_type = "application/yaml"

  # Runs record the definition that they used: the new one is there before anything points at it, the old one stays.
  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_glue_catalog_database" "this" {
  name         = var.glue_database
  description  = "Tables that Foz keeps"
  location_uri = "s3://${aws_s3_bucket.this.bucket}/tables"
}
