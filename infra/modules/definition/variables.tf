variable "pipeline" {
  description = "Path of pipeline.yaml. Paths of SQL files in it are relative to its folder."
  type        = string
}

variable "require_lock" {
  description = "Whether pipeline.lock.json must stand beside it: `foz check --lock` writes it when nothing is wrong."
  type        = bool
  default     = true
}
