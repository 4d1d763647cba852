variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "range" {
  description = "Addresses of the instances, private, /26 or wider."
  type        = string
  default     = "10.128.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.range)) && tonumber(split("/", var.range)[1]) <= 26
    error_message = "range must be a CIDR block of /26 or wider, such as 10.128.0.0/24."
  }
}

variable "region" {
  description = "Region of the functions."
  type        = string
  nullable    = false
}
