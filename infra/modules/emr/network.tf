# EMR adds the rules that a cluster needs to groups that it manages, and leaves them there: each refers to the other, so
# both must let go of their rules before they can be deleted.

resource "aws_security_group" "node" {
  #checkov:skip=CKV2_AWS_5:clusters are launched with it; none is started here
  name                   = "${var.name}-node"
  description            = "Nodes of clusters: among themselves, and to AWS"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = local.managed
}

resource "aws_security_group" "service" {
  #checkov:skip=CKV2_AWS_5:clusters are launched with it; none is started here
  name                   = "${var.name}-service"
  description            = "EMR itself, in the subnets of the nodes"
  vpc_id                 = var.vpc_id
  revoke_rules_on_delete = true
  tags                   = local.managed
}

resource "aws_vpc_security_group_egress_rule" "node" {
  security_group_id = aws_security_group.node.id
  description       = "AWS, through endpoints or beyond"
  cidr_ipv4         = "0.0.0.0/0" # S3 has public addresses, behind a gateway endpoint too
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "among_nodes" {
  security_group_id            = aws_security_group.node.id
  description                  = "Nodes among themselves"
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "-1"
}

resource "aws_vpc_security_group_egress_rule" "node_to_service" {
  security_group_id            = aws_security_group.node.id
  description                  = "The primary node reports to EMR"
  referenced_security_group_id = aws_security_group.service.id
  ip_protocol                  = "tcp"
  from_port                    = 9443
  to_port                      = 9443
}

resource "aws_vpc_security_group_ingress_rule" "service" {
  security_group_id            = aws_security_group.service.id
  description                  = "The primary node reports to EMR"
  referenced_security_group_id = aws_security_group.node.id
  ip_protocol                  = "tcp"
  from_port                    = 9443
  to_port                      = 9443
}
