resource "aws_security_group" "this" {
  name        = var.name
  description = "The broker: in from those who publish and consume, to nowhere"
  vpc_id      = var.vpc_id
}

# AMQP over TLS, and the management API. Port 5672 is not there: Amazon MQ speaks TLS only, and so does Foz.
resource "aws_vpc_security_group_ingress_rule" "groups" {
  for_each = { for pair in setproduct(keys(var.clients), ["5671", "443"]) : join(":", pair) => pair }

  security_group_id            = aws_security_group.this.id
  description                  = each.value[1] == "443" ? "Management API" : "AMQP over TLS"
  referenced_security_group_id = var.clients[each.value[0]]
  ip_protocol                  = "tcp"
  from_port                    = tonumber(each.value[1])
  to_port                      = tonumber(each.value[1])
}

resource "aws_vpc_security_group_ingress_rule" "publishers" {
  for_each = toset(var.publisher_cidrs)

  security_group_id = aws_security_group.this.id
  description       = "AMQP over TLS"
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 5671
  to_port           = 5671
}

# Lambda's event source mapping consumes from within: its network interfaces are in the broker's subnets and in this group.
resource "aws_vpc_security_group_ingress_rule" "mapping" {
  count = var.mapping ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "AMQP over TLS, from Lambda's event source mapping"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 5671
  to_port                      = 5671
}

resource "aws_vpc_security_group_egress_rule" "broker" {
  count = var.mapping ? 1 : 0

  security_group_id            = aws_security_group.this.id
  description                  = "AMQP over TLS, by Lambda's event source mapping"
  referenced_security_group_id = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 5671
  to_port                      = 5671
}

resource "aws_vpc_security_group_egress_rule" "https" {
  count = var.mapping ? 1 : 0

  security_group_id = aws_security_group.this.id
  description       = "AWS, by Lambda's event source mapping, through endpoints or beyond"
  cidr_ipv4         = "0.0.0.0/0" # without endpoints Lambda, STS and Secrets Manager have public addresses
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
