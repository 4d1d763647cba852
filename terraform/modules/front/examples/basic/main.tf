terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "front" {
  source = "../.."

  project  = "a-project"
  region   = "us-central1"
  domain   = "integrations.example.com"
  services = { for name in ["delete", "get", "list", "setup", "update", "validate"] : name => "integrations-${name}" }
}
