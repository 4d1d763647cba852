terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "scheduler" {
  source = "../.."

  project   = "a-project"
  region    = "us-central1"
  schedule  = "7 * * * *"
  shards    = 2
  timeout_s = 600
  uri       = "https://integrations-revalidate-abc-uc.a.run.app"
}
