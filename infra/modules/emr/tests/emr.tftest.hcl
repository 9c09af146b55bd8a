mock_provider "aws" {
  source = "../../tests/mocks"

  override_resource {
    target = aws_iam_role.service
    values = { arn = "arn:aws:iam::123456789012:role/foz-shop-emr-service" }
  }

  override_resource {
    target = aws_iam_role.node
    values = { arn = "arn:aws:iam::123456789012:role/foz-shop-emr-node" }
  }
}

variables {
  name       = "foz-shop-emr"
  lake       = "shop"
  region     = "eu-west-1"
  vpc_id     = "vpc-1"
  subnet_ids = ["subnet-1", "subnet-2"]
  bucket     = "foz-shop-123456789012"
  bucket_arn = "arn:aws:s3:::foz-shop-123456789012"
  glue_arns  = ["arn:aws:glue:eu-west-1:123456789012:catalog", "arn:aws:glue:eu-west-1:123456789012:database/shop", "arn:aws:glue:eu-west-1:123456789012:table/shop/*"]
  tags       = { team = "data" }
}

run "a_cluster_ends_by_itself" {
  assert {
    condition     = jsondecode(output.launch).AutoTerminationPolicy.IdleTimeout == 900 && jsondecode(output.launch).Instances.KeepJobFlowAliveWhenNoSteps
    error_message = "Warm for a quarter of an hour, then gone."
  }

  assert {
    condition     = jsondecode(output.launch).StepConcurrencyLevel == 8
    error_message = "Groups run side by side."
  }

  assert {
    condition     = { for tag in jsondecode(output.launch).Tags : tag.Key => tag.Value } == { team = "data", "foz:lake" = "shop", "for-use-with-amazon-emr-managed-policies" = "true" }
    error_message = "Dispatch finds the cluster by its tag, and EMR may act on it."
  }

  assert {
    condition     = jsondecode(output.launch).ServiceRole == "arn:aws:iam::123456789012:role/foz-shop-emr-service" && jsondecode(output.launch).JobFlowRole == "foz-shop-emr-node"
    error_message = "The roles of this module."
  }

  assert {
    condition     = jsondecode(output.launch).LogUri == "s3://foz-shop-123456789012/logs/emr/" && jsondecode(output.launch).SecurityConfiguration == "foz-shop-emr"
    error_message = "Its logs are in the lake bucket, its security configuration is this one."
  }

  assert {
    condition     = !strcontains(output.launch, ":null")
    error_message = "EMR takes no null."
  }
}

run "encrypted_and_metadata_only_with_a_token" {
  assert {
    condition = jsondecode(aws_emr_security_configuration.this.configuration) == {
      EncryptionConfiguration = {
        EnableAtRestEncryption        = true
        EnableInTransitEncryption     = false
        AtRestEncryptionConfiguration = { S3EncryptionConfiguration = { EncryptionMode = "SSE-S3" } }
      }
      InstanceMetadataServiceConfiguration = { MinimumInstanceMetadataServiceVersion = 2, HttpPutResponseHopLimit = 1 }
    }
    error_message = "The security configuration is not as it should be."
  }
}

run "with_a_key_and_certificates" {
  variables {
    kms_key_arn             = "arn:aws:kms:eu-west-1:123456789012:key/data"
    in_transit_certificates = "s3://certificates/nodes.zip"
  }

  assert {
    condition     = jsondecode(aws_emr_security_configuration.this.configuration).EncryptionConfiguration.AtRestEncryptionConfiguration.LocalDiskEncryptionConfiguration.EnableEbsEncryption
    error_message = "Disks are encrypted with the key."
  }

  assert {
    condition     = jsondecode(aws_emr_security_configuration.this.configuration).EncryptionConfiguration.InTransitEncryptionConfiguration.TLSCertificateConfiguration.S3Object == "s3://certificates/nodes.zip"
    error_message = "Nodes speak TLS."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.node.statement : statement.resources if statement.sid == "Certificates"]) == toset(["arn:aws:s3:::certificates/nodes.zip"])
    error_message = "Nodes read their certificates."
  }
}

run "nodes_stage_and_do_no_more" {
  assert {
    condition = toset(flatten([for statement in data.aws_iam_policy_document.node.statement : tolist(statement.actions)])) == toset([
      "glue:GetDatabase", "glue:GetTable", "glue:GetTables", "s3:AbortMultipartUpload", "s3:GetObject", "s3:ListBucket", "s3:PutObject",
    ])
    error_message = "Nodes may do something else."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.node.statement : statement.resources if contains(statement.actions, "s3:PutObject")]) == toset(["arn:aws:s3:::foz-shop-123456789012/staged/*", "arn:aws:s3:::foz-shop-123456789012/logs/emr/*"])
    error_message = "Nodes write staged files and logs, neither raw objects nor tables."
  }
}

run "launchers_touch_only_clusters_of_the_lake" {
  assert {
    condition     = toset([for statement in data.aws_iam_policy_document.launcher.statement : statement.sid if contains(statement.resources, "*")]) == toset(["Find"])
    error_message = "Only listing takes no resource."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.launcher.statement : one(statement.condition).values == tolist(["shop"]) if contains(["Launch", "Use"], statement.sid)])
    error_message = "Bound by the lake's tag."
  }

  assert {
    condition     = alltrue([for statement in data.aws_iam_policy_document.launcher.statement : length(statement.condition) == 1 && length(statement.resources) == 1 if contains(statement.actions, "iam:PassRole")])
    error_message = "Each role is lent to one service."
  }
}

run "bad_input" {
  command = plan

  variables {
    name                    = "Foz"
    release                 = "emr-6.15.0"
    subnet_ids              = []
    primary_instance_types  = []
    core_instance_types     = []
    capacity                = { minimum = 4, maximum = 2 }
    idle_timeout            = 10
    step_concurrency        = 1
    log_prefix              = "raw/logs"
    glue_arns               = ["*"]
    in_transit_certificates = "nodes.zip"
  }

  expect_failures = [
    var.name, var.release, var.subnet_ids, var.primary_instance_types, var.core_instance_types, var.capacity, var.idle_timeout,
    var.step_concurrency, var.log_prefix, var.glue_arns, var.in_transit_certificates,
  ]
}
