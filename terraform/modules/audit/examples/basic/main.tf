terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "audit" {
  source = "../.."

  project  = "a-project"
  location = "US"
  schema   = "${path.module}/../../../../../configs/setup/bootstrap/schemas/audit_log.json"
}
