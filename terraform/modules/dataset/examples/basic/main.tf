terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "dataset" {
  source = "../.."

  project       = "a-project"
  location      = "US"
  audit_dataset = "integrations_audit"
  organizations = { create = true }
  schemas_dir   = "${path.module}/../../../../../configs/setup/bootstrap/schemas"
  tables        = ["heads", "versions", "validations", "org_keys", "decrypt_grants"]
  views         = ["org_integration_credentials"]
  views_dir     = "${path.module}/../../../../../configs/setup/bootstrap/views"

  members = { support = "group:support@example.com" }
  grants = {
    support = {
      dataset = "organizations"
      table   = "org_integration_credentials"
      action  = "read"
      member  = "group:support@example.com"
    }
  }
}
