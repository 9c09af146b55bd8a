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

  ingest_may = [
    { sid = "Definition", actions = ["s3:GetObject"], resources = ["${local.bucket_arn}/config/*"] },
    # Get: when an object is there already, its digest tells whose it is.
    { sid = "RawObjects", actions = ["s3:GetObject", "s3:PutObject"], resources = ["${local.bucket_arn}/raw/*"] },
    { sid = "Catalog", actions = ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"], resources = [module.catalog.arn] },
    local.send_hints,
    local.use_key,
  ]

  dispatch_may = [
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
    { sid = "Engines", actions = ["lambda:InvokeFunction"], resources = [module.transform.arn, module.consolidate.arn] },
    local.use_key,
  ]

  transform_may = [
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

  consolidate_may = [
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
}
