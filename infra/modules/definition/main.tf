# pipeline.yaml as the functions read it: the text as written (the order of columns is the order of the table's), each
# path of an SQL file replaced by the file's content, on its own line. The digest of that text names the object.

locals {
  folder   = dirname(var.pipeline)
  pipeline = file(var.pipeline)

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

  parsed = yamldecode(local.definition)
}
