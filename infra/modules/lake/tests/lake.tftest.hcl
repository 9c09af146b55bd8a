mock_provider "aws" {
  source = "../../tests/mocks"

  mock_resource "aws_s3_bucket" {
    defaults = { arn = "arn:aws:s3:::foz-shop-123456789012" }
  }
}

variables {
  name           = "foz-shop"
  bucket         = "foz-shop-123456789012"
  glue_database  = "shop"
  definition     = "lake: shop"
  definition_key = "config/0000000000000000000000000000000000000000000000000000000000000000.yaml"
  hint_queue_arn = "arn:aws:sqs:us-east-1:123456789012:foz-shop-hints"
}

run "closed_and_encrypted" {
  assert {
    condition = (
      aws_s3_bucket_public_access_block.this.block_public_acls && aws_s3_bucket_public_access_block.this.block_public_policy &&
      aws_s3_bucket_public_access_block.this.ignore_public_acls && aws_s3_bucket_public_access_block.this.restrict_public_buckets
    )
    error_message = "No public access of any kind."
  }

  assert {
    condition = (
      one(aws_s3_bucket_server_side_encryption_configuration.this.rule).bucket_key_enabled &&
      one(one(aws_s3_bucket_server_side_encryption_configuration.this.rule).apply_server_side_encryption_by_default).kms_master_key_id == output.kms_key_arn
    )
    error_message = "The lake's key encrypts it, one data key for many objects."
  }

  assert {
    condition     = aws_kms_key.this[0].enable_key_rotation && aws_kms_key.this[0].deletion_window_in_days == 30
    error_message = "The key rotates, and its deletion can be thought over."
  }

  assert {
    condition     = one(aws_s3_bucket_ownership_controls.this.rule).object_ownership == "BucketOwnerEnforced"
    error_message = "Access lists are switched off."
  }

  assert {
    condition     = !aws_s3_bucket.this.force_destroy && strcontains(aws_kms_key.this[0].policy, "kms:ScheduleKeyDeletion")
    error_message = "Bucket and key stay when everything else goes."
  }
}

run "nothing_expires" {
  assert {
    condition = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      length(rule.expiration) == 0 && length(rule.noncurrent_version_expiration) == 0
    ])
    error_message = "No rule deletes."
  }

  assert {
    condition = alltrue([for rule in aws_s3_bucket_lifecycle_configuration.this.rule :
      one(one(rule.filter).and).tags == tomap({ foz-archive = "glacier" }) && one(rule.transition).storage_class == "GLACIER"
      if length(rule.transition) > 0
    ])
    error_message = "Only what is tagged moves to Glacier."
  }
}

run "the_raw_table" {
  assert {
    condition     = !can(regex("^[a-z]", aws_glue_catalog_table.raw.name))
    error_message = "Names of streams begin with a letter: this one cannot be one."
  }

  assert {
    condition     = aws_glue_catalog_table.raw.parameters["storage.location.template"] == "s3://foz-shop-123456789012/raw/stream=$${stream}/date=$${date}"
    error_message = "Partitions are where ingest puts objects: ${aws_glue_catalog_table.raw.parameters["storage.location.template"]}"
  }
}

run "a_key_that_exists_is_used" {
  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/given"
  }

  assert {
    condition     = length(aws_kms_key.this) == 0 && output.kms_key_arn == "arn:aws:kms:us-east-1:123456789012:key/given"
    error_message = "No key is made beside it."
  }
}

run "without_protection_everything_can_go" {
  variables {
    protected = false
  }

  assert {
    condition     = aws_s3_bucket.this.force_destroy && !strcontains(aws_kms_key.this[0].policy, "kms:ScheduleKeyDeletion")
    error_message = "Bucket and key can be destroyed."
  }
}

run "wrong_names" {
  command = plan

  variables {
    bucket         = "Foz_Shop"
    glue_database  = "foz-shop"
    definition_key = "config/latest.yaml"
    kms_key_arn    = "alias/shop"
  }

  expect_failures = [var.bucket, var.glue_database, var.definition_key, var.kms_key_arn]
}
