resource "aws_iam_role" "this" {
  name = var.name
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements })
}

locals {
  permissions = concat(
    var.permissions,
    [{
      sid        = "Log"
      actions    = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources  = ["${aws_cloudwatch_log_group.this.arn}:*"]
      conditions = {}
    }],
    [for sid in ["Trace"] : {
      sid        = sid
      actions    = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
      resources  = ["*"] # X-Ray knows no resources
      conditions = {}
    } if var.tracing],
  )

  statements = [for each in local.permissions : merge(
    { Sid = each.sid, Effect = "Allow", Action = each.actions, Resource = each.resources },
    length(each.conditions) == 0 ? {} : { Condition = each.conditions },
  )]
}
