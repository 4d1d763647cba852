variable "audit_dataset" {
  description = "Dataset that the audit sink writes to, for the views that read it."
  type        = string
  nullable    = false
}

variable "dataset" {
  description = "Id of the private dataset."
  type        = string
  default     = "integrations"
  nullable    = false
}

variable "grants" {
  description = "Any stable label => a right on one table or view for someone who is not one of the functions (those bring their own): dataset is integrations or organizations, action is read, append or change, member `serviceAccount:<email>`."
  type        = map(object({ dataset = string, table = string, action = string, member = string }))
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for grant in values(var.grants) : contains(["integrations", "organizations"], grant.dataset)])
    error_message = "dataset must be integrations or organizations."
  }
  validation {
    condition     = alltrue([for grant in values(var.grants) : contains(["read", "append", "change"], grant.action)])
    error_message = "action must be read, append or change."
  }
}

variable "location" {
  description = "BigQuery location of both datasets, such as US or europe-west1. Cannot be changed later."
  type        = string
  nullable    = false
}

variable "members" {
  description = "Any stable label => IAM member that may run queries in the project."
  type        = map(string)
  default     = {}
  nullable    = false
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

variable "project" {
  description = "Project id."
  type        = string
  nullable    = false
}

variable "schemas_dir" {
  description = "Folder of `<table>.json`, BigQuery columns."
  type        = string
  nullable    = false
}

variable "tables" {
  description = "Names of the base tables, each with a schema in that folder."
  type        = set(string)
  nullable    = false
}

variable "views" {
  description = "Names of the views, each with a query in their folder."
  type        = set(string)
  nullable    = false
}

variable "views_dir" {
  description = "Folder of `<view>.sql`, templates over project, integrations, organizations and audit."
  type        = string
  nullable    = false
}
