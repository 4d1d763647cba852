variable "audit_locked_days" {
  description = "Days that a locked log bucket keeps the audit records besides the table; 0 for no such bucket. A locked bucket cannot be unlocked or shortened."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.audit_locked_days >= 0 && var.audit_locked_days <= 3650
    error_message = "audit_locked_days must be 0 to 3650."
  }
}

variable "bigquery_location" {
  description = "BigQuery location of the datasets, such as US or europe-west1. Where `organizations` exists already, its own. Cannot be changed later."
  type        = string
  default     = "US"
  nullable    = false
}

variable "cors_origins" {
  description = "Origins whose browsers may call the public functions, such as https://app.example.com."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for origin in var.cors_origins : can(regex("^https://[A-Za-z0-9.-]+(?::[0-9]+)?$", origin))])
    error_message = "An origin is https:// and a host, with a port where it is not 443, and no path."
  }
}

variable "decrypt_ingress" {
  description = "ALLOW_INTERNAL_ONLY where pipelines run in this project's networks or service perimeter, ALLOW_ALL where they do not. Cloud Run lets in the named pipelines alone either way."
  type        = string
  default     = "ALLOW_INTERNAL_ONLY"
  nullable    = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_ONLY"], var.decrypt_ingress)
    error_message = "decrypt_ingress must be ALLOW_INTERNAL_ONLY or ALLOW_ALL."
  }
}

variable "domain" {
  description = "Host name of one load balancer in front of the public functions, such as integrations.example.com; empty for none."
  type        = string
  default     = ""
  nullable    = false
}

variable "environment" {
  description = "stage or prod. In prod organisation keys begin with cact_live_, in stage with cact_test_."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["stage", "prod"], var.environment)
    error_message = "environment must be stage or prod."
  }
}

variable "key_protection" {
  description = "SOFTWARE or HSM. An HSM seals at most 8 KiB and costs $1.00 a version and month. Cannot be changed later."
  type        = string
  default     = "SOFTWARE"
  nullable    = false

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.key_protection)
    error_message = "key_protection must be SOFTWARE or HSM."
  }
}

variable "legacy_keys_until" {
  description = "Until when keys of an existing organizations.org_api_keys are taken, such as 2027-03-31; empty for never."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = var.legacy_keys_until == "" || can(regex("^\\d{4}-\\d{2}-\\d{2}(?:T\\d{2}:\\d{2}:\\d{2}Z)?$", var.legacy_keys_until))
    error_message = "legacy_keys_until must be a date like 2027-03-31, or a time in UTC with Z."
  }
}

variable "notification_channels" {
  description = "Who is told of incidents, `projects/<P>/notificationChannels/<N>`. With none, they are shown in the console alone."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "oidc_audience" {
  description = "Audience of the tokens that pipelines send to decrypt. A constant, never a URL."
  type        = string
  default     = "cloudact-integrations-decrypt"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._-]{1,200}$", var.oidc_audience))
    error_message = "oidc_audience must be 1-200 of A-Z, a-z, 0-9, ., _ and -."
  }
}

variable "operators" {
  description = "Who works on the backend itself, `user:<email>` or `group:<email>`: keys makes organisation keys and grants, look reads the views, rewrap moves credentials to the newest version of the key."
  type = object({
    keys   = optional(set(string), [])
    look   = optional(set(string), [])
    rewrap = optional(set(string), [])
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for member in setunion(var.operators.keys, var.operators.look, var.operators.rewrap) : can(regex("^(?:user|group|serviceAccount):[^@ ]+@[^@ ]+$", member))])
    error_message = "An operator is user:<email>, group:<email> or serviceAccount:<email>."
  }
}

variable "organizations" {
  description = "The shared dataset of the views: its id, and whether it is made here because nobody else has made it."
  type = object({
    create  = optional(bool, false)
    dataset = optional(string, "organizations")
  })
  default  = {}
  nullable = false
}

variable "pipelines" {
  description = "Emails of the service accounts that may call decrypt. Besides, each needs a grant for the organisations that it works for."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "project" {
  description = "Project id. One project an environment."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{4,28}[a-z0-9]$", var.project))
    error_message = "project must be a project id: 6-30 of a-z, 0-9 and -."
  }
}

variable "region" {
  description = "Region of functions, key, sources and jobs."
  type        = string
  default     = "us-central1"
  nullable    = false
}

variable "sizes" {
  description = "Function => what its instances have, where it differs from 1 CPU, 512Mi, 40 requests at once and at most 10 instances."
  type = map(object({
    concurrency   = optional(number)
    cpu           = optional(string)
    max_instances = optional(number)
    memory        = optional(string)
    min_instances = optional(number)
  }))
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(keys(var.sizes), ["decrypt", "delete", "get", "list", "revalidate", "setup", "update", "validate"])) == 0
    error_message = "sizes may name decrypt, delete, get, list, revalidate, setup, update and validate."
  }
}

variable "static_egress" {
  description = "Whether providers are called from one fixed address, which customers can allow. Costs a NAT gateway."
  type        = bool
  default     = false
  nullable    = false
}

variable "sweep" {
  description = "When stored credentials are checked: cron expression in UTC, how many sweeps share the work, minutes of silence that are an incident, and whether it rests."
  type = object({
    late_minutes = optional(number, 180)
    paused       = optional(bool, false)
    schedule     = optional(string, "7 * * * *")
    shards       = optional(number, 1)
  })
  default  = {}
  nullable = false
}
