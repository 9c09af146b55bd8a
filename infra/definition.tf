# pipeline.yaml as the functions read it: the text as written (the order of columns is the order of the table's), each
# path of an SQL file replaced by the file's content, on its own line. The digest of that text names the object.

locals {
  emulated = var.aws_endpoint_url != ""
  endpoint = local.emulated ? var.aws_endpoint_url : null

  folder   = dirname(var.pipeline)
  pipeline = file(var.pipeline)
  lake     = yamldecode(local.pipeline).lake
  name     = "foz-${replace(local.lake, "_", "-")}"

  transform = "^([^#]*\\btransform:\\s*)[\"']?([^\\s,}\"']+\\.sql)[\"']?(.*)$"
  definition = join("\n", [
    for line in split("\n", local.pipeline) : try(
      format("%s%s%s",
        regex(local.transform, line)[0],
        jsonencode(file("${local.folder}/${regex(local.transform, line)[1]}")),
        regex(local.transform, line)[2],
      ),
      line,
    )
  ])
  digest = sha256(local.definition)
}

resource "terraform_data" "definition" {
  input = local.digest

  lifecycle {
    precondition {
      condition = alltrue([
        for stream in values(yamldecode(local.definition).streams) : !endswith(try(stream.transform, "") == null ? "" : try(stream.transform, ""), ".sql")
      ])
      error_message = "A stream's `transform` names an SQL file that is not beside pipeline.yaml, or stands on a line of its own; write `transform: path.sql` on one line."
    }
  }
}
