terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "federation" {
  source = "../.."

  project = "a-project"
}

output "subject" {
  value = module.federation.subject
}
