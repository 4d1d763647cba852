terraform {
  required_providers {
    google = {
      source = "hashicorp/google"
    }
  }
}

module "alerts" {
  source = "../.."

  project  = "a-project"
  key      = "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
  channels = ["projects/a-project/notificationChannels/1234567890"]
}
