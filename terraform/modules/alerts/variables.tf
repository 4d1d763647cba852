variable "channels" {
  description = "Who is told, `projects/<P>/notificationChannels/<N>`. With none, incidents are shown in the console alone."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for channel in var.channels : can(regex("^projects/[^/]+/notificationChannels/[^/]+$", channel))])
    error_message = "A channel is projects/<P>/notificationChannels/<N>."
  }
}

variable "key" {
  description = "Resource name of the key, `projects/<P>/locations/<L>/keyRings/<R>/cryptoKeys/<K>`."
  type        = string
  nullable    = false
}

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "sweep_late_minutes" {
  description = "Minutes without a finished sweep after which it is late; three rounds of an hourly sweep."
  type        = number
  default     = 180
  nullable    = false

  validation {
    condition     = var.sweep_late_minutes >= 5 && var.sweep_late_minutes <= 1410
    error_message = "sweep_late_minutes must be 5 to 1410: Cloud Monitoring looks back 23.5 hours."
  }
}
