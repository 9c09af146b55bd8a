# The bridge calls, and is never called. The resolver of the VPC is beyond security groups.
resource "aws_security_group" "this" {
  name        = var.name
  description = "The bridge: to the broker and to AWS, from nowhere"
  vpc_id      = var.vpc_id

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_vpc_security_group_egress_rule" "broker" {
  for_each = toset(var.broker_cidrs)

  security_group_id = aws_security_group.this.id
  description       = "The broker, AMQP over TLS"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = var.broker_port
  to_port           = var.broker_port
}

resource "aws_vpc_security_group_egress_rule" "https" {
  security_group_id = aws_security_group.this.id
  description       = "AWS, through endpoints or beyond, and the broker's management API"
  cidr_ipv4         = "0.0.0.0/0" # S3 and DynamoDB have public addresses, behind a gateway endpoint too
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
