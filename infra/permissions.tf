# What each function may do: the calls that its code makes, on the names that it uses. None may delete, tag or list.

locals {
  bucket_arn = module.lake.bucket_arn

  # Everything that is stored is encrypted with one key; it is used through the services only, never by itself.
  use_key = {
    sid       = "Key"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [local.kms_key_arn]
    conditions = {
      StringEquals = { "kms:ViaService" = [for service in ["dynamodb", "s3", "sqs"] : "${service}.${var.region}.${data.aws_partition.this.dns_suffix}"] }
    }
  }

  send_hints = {
    sid       = "Hints"
    actions   = ["sqs:SendMessage"]
    resources = [local.hints_arn]
  }

  # Lambda takes ingest's role to consume from the broker. The function's own code has no business there: what it asks for
  # carries the function's name, what Lambda asks for in its stead does not.
  by_lambda = { Null = { "lambda:SourceFunctionArn" = ["true"] } }
  ec2_arn   = "arn:${local.partition}:ec2:${var.region}:${local.account}"

  consume_may = [
    for each in [
      { sid = "Broker", actions = ["mq:DescribeBroker"], resources = compact([local.mapped_broker]), conditions = local.by_lambda },
      { sid = "BrokerUser", actions = ["secretsmanager:GetSecretValue"], resources = compact([local.mapped_secret]), conditions = local.by_lambda },
      {
        sid     = "Interfaces"
        actions = ["ec2:CreateNetworkInterface"]
        resources = concat(
          ["${local.ec2_arn}:network-interface/*"],
          [for id in local.mapped_subnets : "${local.ec2_arn}:subnet/${id}"],
          [for id in local.mapped_groups : "${local.ec2_arn}:security-group/${id}"],
        )
        conditions = local.by_lambda
      },
      # Lambda documents this form: with names of single kinds it may not reach the network.
      { sid = "OldInterfaces", actions = ["ec2:DeleteNetworkInterface"], resources = ["${local.ec2_arn}:*/*"], conditions = local.by_lambda },
      {
        sid        = "Network"
        actions    = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcs"]
        resources  = ["*"] # EC2 knows none for these
        conditions = local.by_lambda
      },
    ] : each if local.with_mapping
  ]

  consume_key = [
    for arn in compact([var.mapping.secret_key_arn]) : {
      sid       = "BrokerUserKey"
      actions   = ["kms:Decrypt"]
      resources = [arn]
      conditions = merge(local.by_lambda, {
        StringEquals = { "kms:ViaService" = ["secretsmanager.${var.region}.${data.aws_partition.this.dns_suffix}"] }
      })
    } if local.with_mapping
  ]

  may = {
    ingest = concat([
      { sid = "Definition", actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/config/*"] },
      # Get: when an object is there already, its digest tells whose it is.
      { sid = "RawObjects", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${local.bucket_arn}/raw/*"] },
      { sid = "Catalog", actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"], resources = [module.catalog.arn] },
      local.send_hints,
      local.use_key,
    ], local.consume_may, local.consume_key)

    dispatch = [
      { sid = "Definition", actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/config/*"] },
      # A run ends with the definition that it began with, so dispatch keeps a copy of each that it starts runs with.
      { sid = "KeepDefinition", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${local.bucket_arn}/definitions/*"] },
      {
        sid       = "Catalog"
        actions   = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:UpdateItem"]
        resources = [module.catalog.arn]
      },
      { sid = "Pending", actions = ["dynamodb:Query"], resources = [module.catalog.pending_index_arn] },
      {
        sid       = "TakeHints"
        actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
        resources = [local.hints_arn]
      },
      local.send_hints,
      { sid = "Engines", actions = ["lambda:InvokeFunction"], resources = [for name in ["transform", "consolidate", "compact"] : "${local.function_arns}-${name}"] },
      local.use_key,
    ]

    transform = [
      {
        sid     = "Read"
        actions = ["s3:GetObject"]
        resources = [
          for place in ["definitions", "raw", "raw-oversize", "staged", "tables/*_changes", "tables/*_quarantine"] : "${local.bucket_arn}/${place}/*"
        ]
      },
      {
        sid       = "Write"
        actions   = ["s3:PutObject"]
        resources = [for place in ["staged", "tables/*_changes", "tables/*_quarantine"] : "${local.bucket_arn}/${place}/*"]
      },
      { sid = "Catalog", actions = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:UpdateItem"], resources = [module.catalog.arn] },
      {
        sid       = "Tables"
        actions   = ["glue:CreateTable", "glue:GetTable", "glue:UpdateTable"]
        resources = concat(module.lake.above_tables, [for kind in ["changes", "quarantine"] : "${module.lake.table_arn}*_${kind}"])
      },
      local.send_hints,
      local.use_key,
    ]

    consolidate = [
      {
        sid       = "Read" # history: its data files are where transform staged them
        actions   = ["s3:GetObject"]
        resources = [for place in ["definitions", "staged", "tables"] : "${local.bucket_arn}/${place}/*"]
      },
      { sid = "Write", actions = ["s3:PutObject"], resources = ["${local.bucket_arn}/tables/*"] },
      { sid = "Catalog", actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], resources = [module.catalog.arn] },
      {
        sid       = "Tables"
        actions   = ["glue:CreateTable", "glue:GetTable", "glue:UpdateTable"]
        resources = module.lake.glue_arns
      },
      local.send_hints,
      local.use_key,
    ]

    compact = [
      {
        sid       = "Read"
        actions   = ["s3:GetObject"]
        resources = [for place in ["definitions", "tables"] : "${local.bucket_arn}/${place}/*"]
      },
      { sid = "Write", actions = ["s3:PutObject"], resources = ["${local.bucket_arn}/tables/*"] },
      { sid = "Catalog", actions = ["dynamodb:GetItem", "dynamodb:UpdateItem"], resources = [module.catalog.arn] },
      # A table that is not there yet has nothing to merge.
      { sid = "Tables", actions = ["glue:GetTable", "glue:UpdateTable"], resources = module.lake.glue_arns },
      local.send_hints,
      local.use_key,
    ]
  }
}
