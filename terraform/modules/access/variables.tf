variable "cors" {
  description = "Whether browsers of other origins may call, so that public functions are told which."
  type        = bool
  default     = false
  nullable    = false
}

variable "egress_address" {
  description = "Whether providers see one static address, so that functions that ask them can name it."
  type        = bool
  default     = false
  nullable    = false
}

variable "functions" {
  description = "The table of configs/functions.yml: function => who calls it and what it may do."
  type = map(object({
    invoker       = string
    key           = string
    tables        = map(string)
    secrets       = list(string)
    aws           = bool
    shows_aws     = optional(bool, false)
    egress        = string
    timeout_s     = number
    min_instances = optional(number, 0)
  }))
  nullable = false

  validation {
    condition     = alltrue([for use in values(var.functions) : contains(["everyone", "pipelines", "scheduler"], use.invoker)])
    error_message = "invoker must be everyone, pipelines or scheduler."
  }
  validation {
    condition     = alltrue([for use in values(var.functions) : contains(["encrypt", "decrypt", "none"], use.key)])
    error_message = "key must be encrypt, decrypt or none: no function does both."
  }
  validation {
    condition     = alltrue([for use in values(var.functions) : alltrue([for action in values(use.tables) : contains(["read", "append", "change"], action)])])
    error_message = "Each table must be read, append or change."
  }
  validation {
    condition     = alltrue([for use in values(var.functions) : alltrue([for secret in use.secrets : secret == "pepper"])])
    error_message = "The only secret is pepper."
  }
  validation {
    condition     = alltrue([for use in values(var.functions) : contains(["providers", "google"], use.egress)])
    error_message = "egress must be providers or google."
  }
  validation {
    condition     = alltrue([for use in values(var.functions) : use.timeout_s >= 1 && use.timeout_s <= 3600])
    error_message = "timeout_s must be 1 to 3600 seconds."
  }
}

variable "legacy_keys" {
  description = "Whether older organisation keys are still looked up in org_api_keys."
  type        = bool
  default     = false
  nullable    = false
}

variable "people" {
  description = "Duty => what operators with it may do, in the words of functions.yml; key is none or rewrap."
  type = map(object({
    aws     = bool
    key     = string
    secrets = list(string)
    tables  = map(string)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for use in values(var.people) : contains(["none", "rewrap"], use.key)])
    error_message = "key must be none or rewrap."
  }
}

variable "pipelines" {
  description = "Emails of the service accounts that may call decrypt."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for email in var.pipelines : can(regex("^[^@ :]+@[^@ :]+\\.gserviceaccount\\.com$", email))])
    error_message = "A pipeline is the email of a service account, ending in gserviceaccount.com: never allUsers, a person or a group."
  }
}

variable "scheduler" {
  description = "Email of the Scheduler's service account, which alone may call revalidate."
  type        = string
  nullable    = false
}

variable "tables" {
  description = "Names of the base tables, in the private dataset."
  type        = set(string)
  nullable    = false
}

variable "views" {
  description = "Names of the authorised views, in the shared dataset."
  type        = set(string)
  nullable    = false
}
