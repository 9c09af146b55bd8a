mock_provider "aws" {}

variables {
  name        = "foz-shop"
  kms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/1"
}

run "it_is_kept" {
  assert {
    condition     = aws_dynamodb_table.this.deletion_protection_enabled && aws_dynamodb_table.this.point_in_time_recovery[0].enabled
    error_message = "The order of everything stands only here."
  }

  assert {
    condition     = aws_dynamodb_table.this.server_side_encryption[0].kms_key_arn == var.kms_key_arn
    error_message = "It is encrypted with the lake's key."
  }

  assert {
    condition     = aws_dynamodb_table.this.hash_key == "pk" && aws_dynamodb_table.this.range_key == "sk" && one(aws_dynamodb_table.this.global_secondary_index).projection_type == "KEYS_ONLY"
    error_message = "Keys and index are those of docs/format.md."
  }
}

run "wrong_name" {
  command = plan

  variables {
    name = "a catalog"
  }

  expect_failures = [var.name]
}
