# Everything derives from pipeline.yaml.

module "definition" {
  source = "./modules/definition"

  pipeline     = var.pipeline
  require_lock = var.require_lock
}

locals {
  emulated = var.aws_endpoint_url != ""
  endpoint = local.emulated ? var.aws_endpoint_url : null

  lake       = module.definition.lake
  name       = "foz-${replace(local.lake, "_", "-")}"
  definition = module.definition.definition
  digest     = module.definition.digest
}

# Nothing is planned from a definition that is wrong.
resource "terraform_data" "definition" {
  input = local.digest

  lifecycle {
    precondition {
      condition     = length(module.definition.problems) == 0
      error_message = join("\n", concat(["pipeline.yaml is not right:"], module.definition.problems))
    }
  }
}
