data "aws_iam_policy_document" "assume" {
  for_each = {
    service = "elasticmapreduce.amazonaws.com"
    node    = "ec2.amazonaws.com"
  }

  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = [each.value]
    }

    # EMR alone tells for whom it acts; an instance takes its role without.
    dynamic "condition" {
      for_each = each.key == "service" ? [1] : []

      content {
        test     = "StringEquals"
        variable = "aws:SourceAccount"
        values   = [local.account]
      }
    }
  }
}

# What EMR may do in the account: start and end tagged instances.
resource "aws_iam_role" "service" {
  name               = "${var.name}-service"
  assume_role_policy = data.aws_iam_policy_document.assume["service"].json
}

resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

resource "aws_iam_role_policy" "service" {
  name   = "lend"
  role   = aws_iam_role.service.id
  policy = data.aws_iam_policy_document.service.json
}

data "aws_iam_policy_document" "service" {
  statement {
    sid       = "LendNodeRole" # the managed policy knows only the default role's name
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.node.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid = "DiskKey" # instances start with encrypted disks
      actions = [
        "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncryptFrom", "kms:ReEncryptTo",
      ]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "LendDiskKey"
      actions   = ["kms:CreateGrant"]
      resources = [statement.value]

      condition {
        test     = "Bool"
        variable = "kms:GrantIsForAWSResource"
        values   = ["true"]
      }
    }
  }
}

# What runs on a cluster may do.
resource "aws_iam_role" "node" {
  name               = "${var.name}-node"
  assume_role_policy = data.aws_iam_policy_document.assume["node"].json
}

resource "aws_iam_instance_profile" "node" {
  name = "${var.name}-node"
  role = aws_iam_role.node.name
}

resource "aws_iam_role_policy" "node" {
  name   = "work"
  role   = aws_iam_role.node.id
  policy = data.aws_iam_policy_document.node.json
}

data "aws_iam_policy_document" "node" {
  statement {
    sid       = "Read"
    actions   = ["s3:GetObject"]
    resources = [for prefix in concat(local.read, [var.staged_prefix]) : "${var.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "Write"
    actions   = ["s3:AbortMultipartUpload", "s3:PutObject"]
    resources = [for prefix in local.written : "${var.bucket_arn}/${prefix}/*"]
  }

  statement {
    sid       = "List" # Spark lists what it reads and writes
    actions   = ["s3:ListBucket"]
    resources = [var.bucket_arn]

    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = [for prefix in concat(local.read, local.written) : "${prefix}/*"]
    }
  }

  # Reads tables; commits are transform's.
  statement {
    sid       = "Tables"
    actions   = ["glue:GetDatabase", "glue:GetTable", "glue:GetTables"]
    resources = var.glue_arns
  }

  dynamic "statement" {
    for_each = var.in_transit_certificates == null ? [] : [var.in_transit_certificates]

    content {
      sid       = "Certificates"
      actions   = ["s3:GetObject"]
      resources = ["arn:${local.partition}:s3:::${trimprefix(statement.value, "s3://")}"]
    }
  }

  dynamic "statement" {
    for_each = var.kms_key_arn == null ? [] : [var.kms_key_arn]

    content {
      sid       = "Key"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = [statement.value]
    }
  }
}

# For whoever launches clusters and gives them steps.
data "aws_iam_policy_document" "launcher" {
  statement {
    sid       = "Find"
    actions   = ["elasticmapreduce:ListClusters"]
    resources = ["*"] # the action takes no resource
  }

  # A cluster that does not exist yet has no name: the tags that it is to carry bound it.
  statement {
    sid       = "Launch"
    actions   = ["elasticmapreduce:AddTags", "elasticmapreduce:RunJobFlow"]
    resources = ["arn:${local.partition}:elasticmapreduce:${var.region}:${local.account}:cluster/*"]

    condition {
      test     = "StringEquals"
      variable = "elasticmapreduce:RequestTag/foz:lake"
      values   = [var.lake]
    }
  }

  statement {
    sid = "Use"
    actions = [
      "elasticmapreduce:AddJobFlowSteps",
      "elasticmapreduce:CancelSteps",
      "elasticmapreduce:DescribeCluster",
      "elasticmapreduce:DescribeStep",
      "elasticmapreduce:ListSteps",
      "elasticmapreduce:PutAutoTerminationPolicy",
      "elasticmapreduce:PutManagedScalingPolicy",
    ]
    resources = ["arn:${local.partition}:elasticmapreduce:${var.region}:${local.account}:cluster/*"]

    condition {
      test     = "StringEquals"
      variable = "elasticmapreduce:ResourceTag/foz:lake"
      values   = [var.lake]
    }
  }

  statement {
    sid       = "LendServiceRole"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.service.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["elasticmapreduce.amazonaws.com"]
    }
  }

  statement {
    sid       = "LendNodeRole"
    actions   = ["iam:PassRole"]
    resources = [aws_iam_role.node.arn]

    condition {
      test     = "StringEquals"
      variable = "iam:PassedToService"
      values   = ["ec2.amazonaws.com"]
    }
  }
}
