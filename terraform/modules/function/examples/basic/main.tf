terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "function" {
  source = "../.."

  project     = "a-project"
  region      = "us-central1"
  name        = "list"
  description = "All integrations of an organisation."
  ingress     = "ALLOW_ALL"
  invokers    = { everyone = "allUsers" }
  timeout_s   = 30

  environment = {
    GOOGLE_CLOUD_PROJECT = "a-project"
    INTEGRATIONS_BACKEND = "gcp"
    NODE_ENV             = "production"
  }

  grants = {
    secrets = { pepper = "projects/a-project/secrets/integrations-pepper" }
    tables = {
      "heads/read" = { dataset = "integrations", table = "heads", role = "roles/bigquery.dataViewer" }
    }
  }

  build = {
    account    = "projects/a-project/serviceAccounts/int-build@a-project.iam.gserviceaccount.com"
    repository = "projects/a-project/locations/us-central1/repositories/integrations"
  }

  source_code = {
    bucket = "a-project-integrations-sources"
    hash   = "0a1b2c"
    zip    = "${path.module}/main.tf"
  }
}
