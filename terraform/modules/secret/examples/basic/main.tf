terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "pepper" {
  source = "../.."

  project = "a-project"
  secret  = "integrations-pepper"
  grants  = { keys = "group:operators@example.com" }
}
