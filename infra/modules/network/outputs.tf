output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "cidr" {
  description = "Its addresses."
  value       = aws_vpc.this.cidr_block
}

output "subnet_ids" {
  description = "The private subnets, in the order of their zones."
  value       = [for zone in local.zones : aws_subnet.private[zone].id]
}

output "route_table_id" {
  description = "The subnets' route table, for a peering or a transit gateway to a broker elsewhere."
  value       = aws_route_table.private.id
}
