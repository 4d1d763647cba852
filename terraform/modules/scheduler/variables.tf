variable "paused" {
  description = "Whether the jobs exist but do not run."
  type        = bool
  default     = false
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "region" {
  description = "Region of the jobs, one that Cloud Scheduler is in."
  type        = string
  nullable    = false
}

variable "schedule" {
  description = "When the sweep runs, as a cron expression in UTC. Each run takes only what is due."
  type        = string
  default     = "7 * * * *"
  nullable    = false
}

variable "shards" {
  description = "How many sweeps share the credentials at each time."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.shards >= 1 && var.shards <= 20 && floor(var.shards) == var.shards
    error_message = "shards must be a whole number from 1 to 20: more would queue on one table's statements."
  }
}

variable "timeout_s" {
  description = "Seconds after which the function is cut off; the sweep stops 60 s earlier by itself."
  type        = number
  nullable    = false

  validation {
    condition     = var.timeout_s >= 120 && var.timeout_s <= 1770
    error_message = "timeout_s must be 120 to 1770: an attempt of Cloud Scheduler lasts at most 30 minutes."
  }
}

variable "uri" {
  description = "URL of the function revalidate, `https://…run.app`."
  type        = string
  nullable    = false
}
