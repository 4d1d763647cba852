mock_provider "google" {}

variables {
  project  = "a-project"
  location = "us-central1"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "the_key_rotates_every_ninety_days_and_stays" {
  command = plan

  assert {
    condition     = google_kms_crypto_key.key.rotation_period == "7776000s"
    error_message = "The key must rotate every 90 days."
  }
  assert {
    condition     = google_kms_crypto_key.key.purpose == "ENCRYPT_DECRYPT" && google_kms_crypto_key.key.version_template[0].algorithm == "GOOGLE_SYMMETRIC_ENCRYPTION"
    error_message = "The key seals and opens with AES-256-GCM."
  }
  assert {
    condition     = google_kms_crypto_key.key.destroy_scheduled_duration == "2592000s" && google_kms_crypto_key.key.deletion_policy == "PREVENT"
    error_message = "A destroyed version can be brought back for 30 days, and the key is never deleted."
  }
  assert {
    condition     = output.key == "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
    error_message = "The key is named without a version."
  }
}

run "a_grant_stands_on_the_key" {
  command = plan

  variables {
    grants = { rewrap = { role = "roles/cloudkms.cryptoKeyDecrypter", member = "user:operator@example.com" } }
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.grant["rewrap"].role == "roles/cloudkms.cryptoKeyDecrypter"
    error_message = "The grant must be made as it was asked for."
  }
}

run "nobody_administers_the_key" {
  command = plan

  variables {
    grants = { admin = { role = "roles/cloudkms.admin", member = "user:operator@example.com" } }
  }
  expect_failures = [var.grants]
}

run "a_protection_level_of_google_is_named" {
  command = plan

  variables {
    protection_level = "hardware"
  }
  expect_failures = [var.protection_level]
}

run "rotation_within_a_year" {
  command = plan

  variables {
    rotation_days = 1
  }
  expect_failures = [var.rotation_days]
}

run "a_version_can_be_brought_back" {
  command = plan

  variables {
    destroy_after_days = 0
  }
  expect_failures = [var.destroy_after_days]
}
