terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "keyring" {
  source = "../.."

  project  = "a-project"
  location = "us-central1"

  grants = {
    "rewrap opens" = { role = "roles/cloudkms.cryptoKeyDecrypter", member = "group:operators@example.com" }
    "rewrap seals" = { role = "roles/cloudkms.cryptoKeyEncrypter", member = "group:operators@example.com" }
  }
}
