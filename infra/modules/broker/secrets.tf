# Each user has a secret.
#
# Amazon MQ wants the administrator's password with the broker, and the provider has no write-only argument for it: the
# first one is in Terraform's state, and worth nothing once it is changed at the broker. Those of bridge and mapping never
# pass through Terraform: their secrets are empty until the administrator makes the users (README, "After the first apply").

data "aws_secretsmanager_random_password" "administrator" {
  password_length     = 40
  exclude_punctuation = true # Amazon MQ refuses some of it
}

resource "aws_secretsmanager_secret" "administrator" {
  #checkov:skip=CKV2_AWS_57:a rotation has to change the user at the broker as well; README says how
  name        = "${var.secret}-administrator"
  description = "Password of RabbitMQ's ${var.administrator}"
  kms_key_id  = var.secret_key_arn
}

resource "aws_secretsmanager_secret_version" "administrator" {
  secret_id     = aws_secretsmanager_secret.administrator.id
  secret_string = data.aws_secretsmanager_random_password.administrator.random_password

  # Another one is drawn at each plan; what counts is the one that the broker was made with, or got since.
  lifecycle {
    ignore_changes = [secret_string]
  }
}

resource "aws_secretsmanager_secret" "bridge" {
  #checkov:skip=CKV2_AWS_57:a rotation has to change the user at the broker as well; README says how
  name        = var.secret
  description = "The broker's URL with the bridge's user"
  kms_key_id  = var.secret_key_arn
}

# Lambda takes user and password apart, not a URL.
resource "aws_secretsmanager_secret" "mapping" {
  #checkov:skip=CKV2_AWS_57:a rotation has to change the user at the broker as well; README says how
  count = var.mapping ? 1 : 0

  name        = "${var.secret}-mapping"
  description = "User and password of Lambda's event source mapping, in JSON"
  kms_key_id  = var.secret_key_arn
}
