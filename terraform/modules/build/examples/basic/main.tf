terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "build" {
  source = "../.."

  project = "a-project"
  region  = "us-central1"
}
