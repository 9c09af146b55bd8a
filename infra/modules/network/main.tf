# A VPC without a way to the internet: private subnets, and endpoints to what the bridge and a cluster use of AWS.

data "aws_availability_zones" "this" {
  #checkov:skip=CKV_AWS_394:the first names in order are taken; a zone that AWS adds gets a later letter
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # no local zones
  }
}

locals {
  zones = slice(sort(data.aws_availability_zones.this.names), 0, var.zones)
}

resource "aws_vpc" "this" {
  cidr_block           = var.cidr
  enable_dns_support   = true
  enable_dns_hostnames = true # private names of the endpoints

  tags = { Name = var.name }
}

resource "aws_subnet" "private" {
  for_each = { for number, zone in local.zones : zone => number }

  vpc_id                  = aws_vpc.this.id
  availability_zone       = each.key
  cidr_block              = cidrsubnet(var.cidr, 4, each.value)
  map_public_ip_on_launch = false

  tags = merge(var.subnet_tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_route_table" "private" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-private" }
}

resource "aws_route_table_association" "private" {
  for_each = aws_subnet.private

  subnet_id      = each.value.id
  route_table_id = aws_route_table.private.id
}

# What forgets to name a security group gets one that lets nothing in and nothing out.
resource "aws_default_security_group" "this" {
  vpc_id = aws_vpc.this.id

  tags = { Name = "${var.name}-closed" }
}
