data "aws_caller_identity" "this" {}
data "aws_partition" "this" {}

resource "aws_vpc_endpoint" "gateway" {
  for_each = {
    s3       = data.aws_iam_policy_document.s3.json
    dynamodb = data.aws_iam_policy_document.own.json
  }

  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private.id]
  policy            = each.value

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each = var.interface_endpoints

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${var.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = [for subnet in aws_subnet.private : subnet.id]
  security_group_ids  = [aws_security_group.endpoints.id]
  private_dns_enabled = true

  tags = { Name = "${var.name}-${each.value}" }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "Endpoints of AWS: HTTPS from the VPC, to nowhere"
  vpc_id      = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  security_group_id = aws_security_group.endpoints.id
  description       = "HTTPS from the VPC"
  cidr_ipv4         = var.cidr
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Whatever credentials a process may hold: from here it reaches this account's data and no other's.
data "aws_iam_policy_document" "own" {
  #checkov:skip=CKV_AWS_1:an upper bound on what passes the endpoint, not a grant
  #checkov:skip=CKV_AWS_49:an upper bound on what passes the endpoint, not a grant
  statement {
    sid       = "OwnAccount"
    actions   = ["*"] # an upper bound; what a role may do is the role's policy
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceAccount"
      values   = [data.aws_caller_identity.this.account_id]
    }
  }
}

data "aws_iam_policy_document" "s3" {
  #checkov:skip=CKV_AWS_283:whoever is in the network may fetch the public layers and packages of Amazon's buckets
  source_policy_documents = [data.aws_iam_policy_document.own.json]

  # Amazon's own buckets: the layers of images, and what a cluster's nodes install.
  statement {
    sid     = "ImagesAndPackages"
    actions = ["s3:GetObject"]
    resources = [
      for bucket in [
        "prod-${var.region}-starport-layer-bucket",
        "al2023-repos-${var.region}-de612dc2",
        "packages.${var.region}.amazonaws.com",
        "repo.${var.region}.amazonaws.com",
        "repo.${var.region}.emr.amazonaws.com",
      ] : "arn:${data.aws_partition.this.partition}:s3:::${bucket}/*"
    ]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }
  }
}
