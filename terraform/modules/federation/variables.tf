variable "account" {
  description = "Account id of the identity."
  type        = string
  default     = "integrations-aws"
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}
