variable "grants" {
  description = "Any stable label => IAM member that may read the secret's value and is not one of the functions (those bring their own), `user:<email>`."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "secret" {
  description = "Name of the secret."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,255}$", var.secret))
    error_message = "secret must be 1-255 of A-Z, a-z, 0-9, _ and -."
  }
}
