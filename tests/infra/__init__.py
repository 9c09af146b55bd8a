"""What Terraform says, held against what the code says."""
