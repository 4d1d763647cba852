variable "build" {
  description = "Who builds and where images go, `{account = \"projects/<P>/serviceAccounts/<email>\", repository = \"projects/<P>/locations/<L>/repositories/<R>\"}`."
  type        = object({ account = string, repository = string })
  nullable    = false
}

variable "description" {
  description = "What the function does, in one sentence."
  type        = string
  default     = ""
  nullable    = false
}

variable "environment" {
  description = "The function's environment. No secret belongs here: it would stand in the state."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = lookup(var.environment, "NODE_ENV", "") == "production"
    error_message = "NODE_ENV must be production: elsewhere the framework answers with stacks."
  }
}

variable "grants" {
  description = "All that the function may do: roles on the key `projects/<P>/…/cryptoKeys/<K>`, a role on each table or view, secrets `projects/<P>/secrets/<S>` whose value it reads, accounts `projects/<P>/serviceAccounts/<email>` whose ID tokens it mints."
  type = object({
    identities = optional(map(string), {})
    key        = optional(string, "")
    key_roles  = optional(set(string), [])
    secrets    = optional(map(string), {})
    tables     = optional(map(object({ dataset = string, table = string, role = string })), {})
  })
  default  = {}
  nullable = false

  validation {
    condition     = length(setsubtract(var.grants.key_roles, ["roles/cloudkms.cryptoKeyEncrypter", "roles/cloudkms.cryptoKeyDecrypter"])) == 0
    error_message = "A role on the key is roles/cloudkms.cryptoKeyEncrypter or roles/cloudkms.cryptoKeyDecrypter."
  }
  validation {
    condition     = length(var.grants.key_roles) < 2
    error_message = "A function either seals or opens, never both."
  }
}

variable "ingress" {
  description = "ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB (through the load balancer) or ALLOW_INTERNAL_ONLY."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["ALLOW_ALL", "ALLOW_INTERNAL_AND_GCLB", "ALLOW_INTERNAL_ONLY"], var.ingress)
    error_message = "ingress must be ALLOW_ALL, ALLOW_INTERNAL_AND_GCLB or ALLOW_INTERNAL_ONLY."
  }
}

variable "invokers" {
  description = "Any stable label => IAM member that Cloud Run lets in."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "name" {
  description = "Name of the operation; the function is `integrations-<name>`, its account `int-<name>`."
  type        = string
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,25}$", var.name))
    error_message = "name must be 2-26 of a-z, 0-9 and -, since service account ids have at most 30 characters."
  }
}

variable "network" {
  description = "Names of the network and subnetwork through which all traffic leaves; empty for Google's own way out."
  type = object({
    network    = optional(string, "")
    subnetwork = optional(string, "")
  })
  default  = {}
  nullable = false

  validation {
    condition     = (var.network.network == "") == (var.network.subnetwork == "")
    error_message = "network and subnetwork are named together."
  }
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the function."
  type        = string
  nullable    = false
}

variable "size" {
  description = "What an instance has and how many there may be. Concurrency above 1 needs a whole CPU."
  type = object({
    concurrency   = optional(number, 40)
    cpu           = optional(string, "1")
    max_instances = optional(number, 10)
    memory        = optional(string, "512Mi")
    min_instances = optional(number, 0)
  })
  default  = {}
  nullable = false

  validation {
    condition     = var.size.concurrency >= 1 && var.size.concurrency <= 1000
    error_message = "concurrency must be 1 to 1000."
  }
  validation {
    condition     = var.size.concurrency == 1 || tonumber(var.size.cpu) >= 1
    error_message = "concurrency above 1 needs cpu of 1 or more."
  }
  validation {
    condition     = var.size.min_instances >= 0 && var.size.min_instances <= var.size.max_instances && var.size.max_instances >= 1
    error_message = "min_instances must be 0 or more and at most max_instances."
  }
}

variable "source_code" {
  description = "The artifact, `{bucket = <name>, hash = <of the zip, fit for a name>, zip = <path>}`."
  type        = object({ bucket = string, hash = string, zip = string })
  nullable    = false
}

variable "timeout_s" {
  description = "Seconds after which a request is cut off."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout_s >= 1 && var.timeout_s <= 3600
    error_message = "timeout_s must be 1 to 3600."
  }
}
