# Everything derives from pipeline.yaml.

module "definition" {
  source = "./modules/definition"

  pipeline = var.pipeline
}

locals {
  emulated = var.aws_endpoint_url != ""
  endpoint = local.emulated ? var.aws_endpoint_url : null

  lock       = module.definition.lock
  lake       = local.lock.lake
  name       = coalesce(var.name, "foz-${replace(local.lake, "_", "-")}")
  definition = module.definition.definition
}

# Nothing is planned from a definition that foz did not check.
resource "terraform_data" "definition" {
  input = local.lock.digest

  lifecycle {
    precondition {
      condition     = module.definition.problem == null
      error_message = coalesce(module.definition.problem, "-")
    }
  }
}
