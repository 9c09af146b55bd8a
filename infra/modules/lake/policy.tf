# What holds for everybody, whatever their own policies allow.

locals {
  # Written once, under names that nobody uses again, and kept for ever.
  kept = [for prefix in ["definitions", "raw", "raw-oversize"] : "${aws_s3_bucket.this.arn}/${prefix}/*"]

  bucket_policy = {
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "TlsOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = [aws_s3_bucket.this.arn, "${aws_s3_bucket.this.arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        # Without If-None-Match a write replaces what is there. Uploads in parts begin without it, so there are none here.
        Sid       = "CreateOnly"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:PutObject"
        Resource  = local.kept
        Condition = { Null = { "s3:if-none-match" = "true" } }
      },
      {
        Sid       = "NothingIsDeleted"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:DeleteObject", "s3:DeleteObjectVersion"]
        Resource  = local.kept
      },
    ]
  }
}

resource "aws_s3_bucket_policy" "this" {
  bucket = aws_s3_bucket.this.id
  policy = jsonencode(local.bucket_policy)

  depends_on = [aws_s3_bucket_public_access_block.this]
}
