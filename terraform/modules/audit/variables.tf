variable "dataset" {
  description = "Id of the audit dataset."
  type        = string
  default     = "integrations_audit"
  nullable    = false
}

variable "keep_days" {
  description = "Days that the table keeps a record."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.keep_days >= 1
    error_message = "keep_days must be 1 or more."
  }
}

variable "location" {
  description = "BigQuery location of the dataset, the one of the datasets whose views read it."
  type        = string
  nullable    = false
}

variable "locked_days" {
  description = "Days that a locked log bucket keeps the records besides; 0 for no such bucket. A locked bucket cannot be unlocked or shortened."
  type        = number
  default     = 0
  nullable    = false

  validation {
    condition     = var.locked_days >= 0 && var.locked_days <= 3650
    error_message = "locked_days must be 0 to 3650."
  }
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "schema" {
  description = "Path of audit_log.json, the columns of an audit record."
  type        = string
  nullable    = false
}
