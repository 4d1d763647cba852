variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of bucket and repository, the functions' own."
  type        = string
  nullable    = false
}
