terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "egress" {
  source = "../.."

  project = "a-project"
  region  = "us-central1"
}

output "address" {
  value = module.egress.address
}
