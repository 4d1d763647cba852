variable "domain" {
  description = "Host name, such as integrations.example.com. Its A record must point at the address before the certificate is issued."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z]{2,63}$", var.domain))
    error_message = "domain must be a host name in lower case, such as integrations.example.com."
  }
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the functions."
  type        = string
  nullable    = false
}

variable "services" {
  description = "Function => name of its Cloud Run service. The public ones, and no others."
  type        = map(string)
  nullable    = false

  validation {
    condition     = length(setsubtract(["delete", "get", "list", "setup", "update", "validate"], keys(var.services))) == 0
    error_message = "services must name delete, get, list, setup, update and validate."
  }
  validation {
    condition     = length(setintersection(["decrypt", "revalidate"], keys(var.services))) == 0
    error_message = "decrypt and revalidate never stand behind a public host."
  }
}
