variable "destroy_after_days" {
  description = "Days that a version scheduled for destruction can still be brought back. Cannot be changed later."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.destroy_after_days >= 1 && var.destroy_after_days <= 120
    error_message = "destroy_after_days must be 1 to 120."
  }
}

variable "grants" {
  description = "Any stable label => a role on the key for someone who is not one of the functions (those bring their own), `{role = \"roles/cloudkms.cryptoKey…\", member = \"serviceAccount:<email>\"}`."
  type        = map(object({ role = string, member = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for grant in values(var.grants) : contains(["roles/cloudkms.cryptoKeyEncrypter", "roles/cloudkms.cryptoKeyDecrypter"], grant.role)])
    error_message = "A grant is roles/cloudkms.cryptoKeyEncrypter or roles/cloudkms.cryptoKeyDecrypter: nobody administers the key through this module."
  }
}

variable "key" {
  description = "Name of the crypto key."
  type        = string
  default     = "credentials"
  nullable    = false
}

variable "key_ring" {
  description = "Name of the key ring."
  type        = string
  default     = "integrations"
  nullable    = false
}

variable "location" {
  description = "Location of the ring, the functions' region: every call to the key crosses this distance."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "protection_level" {
  description = "SOFTWARE (plaintext up to 64 KiB) or HSM (8 KiB with the associated data; $1.00 a version and month)."
  type        = string
  default     = "SOFTWARE"
  nullable    = false

  validation {
    condition     = contains(["SOFTWARE", "HSM"], var.protection_level)
    error_message = "protection_level must be SOFTWARE or HSM."
  }
}

variable "rotation_days" {
  description = "Days after which a new version becomes the primary. Older ones keep opening what they sealed."
  type        = number
  default     = 90
  nullable    = false

  validation {
    condition     = var.rotation_days > 1 && var.rotation_days <= 365
    error_message = "rotation_days must be 2 to 365."
  }
}
