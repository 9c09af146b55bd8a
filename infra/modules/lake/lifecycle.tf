# Nothing expires here. Objects that were tagged for the archive move to Glacier: the tag decides, because a rule on a whole
# prefix would hide files that a table still uses (Athena skips what is in Glacier, and says nothing). Small ones stay: Glacier
# bills 40 KB beside each object, and each move.

resource "aws_s3_bucket_lifecycle_configuration" "this" {
  bucket = aws_s3_bucket.this.id

  rule {
    id     = "abandoned-uploads"
    status = "Enabled"

    filter {}

    abort_incomplete_multipart_upload {
      days_after_initiation = 7
    }
  }

  dynamic "rule" {
    for_each = toset(["raw", "tables"])

    content {
      id     = "archive-${rule.value}"
      status = "Enabled"

      filter {
        and {
          prefix                   = "${rule.value}/"
          tags                     = { foz-archive = "glacier" }
          object_size_greater_than = 128 * 1024
        }
      }

      transition {
        days          = 0
        storage_class = "GLACIER"
      }
    }
  }
}
