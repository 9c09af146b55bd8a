variable "pipeline" {
  description = "Path of pipeline.yaml. Beside it stands pipeline.lock.json."
  type        = string
}
