# The whole of it, with what stage and prod set. Artifacts need not be built: the archives are mocked.

mock_provider "google" {}
mock_provider "archive" {}

variables {
  project     = "a-project"
  environment = "stage"
}

run "the_least_is_eight_functions" {
  command = plan

  assert {
    condition     = keys(output.service_accounts) == ["decrypt", "delete", "get", "list", "revalidate", "setup", "update", "validate"]
    error_message = "Each operation of configs/functions.yml is one function."
  }
  assert {
    condition     = output.front == null && output.egress_address == null
    error_message = "Neither a load balancer nor an address unasked."
  }
  assert {
    condition     = output.key == "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
    error_message = "The key lies in the functions' region."
  }
}

run "everything_that_can_be_asked_for" {
  command = plan

  variables {
    environment           = "prod"
    audit_locked_days     = 400
    cors_origins          = ["https://app.example.com"]
    decrypt_ingress       = "ALLOW_ALL"
    domain                = "integrations.example.com"
    legacy_keys_until     = "2027-03-31"
    notification_channels = ["projects/a-project/notificationChannels/1"]
    operators             = { keys = ["group:operators@example.com"], look = ["user:support@example.com"], rewrap = ["user:operator@example.com"] }
    organizations         = { create = true }
    pipelines             = ["costs@a-project.iam.gserviceaccount.com"]
    sizes                 = { decrypt = { min_instances = 2, max_instances = 20 } }
    static_egress         = true
    sweep                 = { shards = 4 }
  }
  assert {
    condition     = output.front.url == "https://integrations.example.com/api/v1/integrations"
    error_message = "One host stands in front of the public functions."
  }
  assert {
    condition     = alltrue([for name in ["setup", "validate", "list", "get", "update", "delete"] : contains(module.access.environment[name], "LEGACY_KEYS_UNTIL") && contains(module.access.environment[name], "CORS_ORIGINS")])
    error_message = "Public functions are told of older keys and of origins."
  }
  assert {
    condition     = keys(local.people_key) == ["rewrap user:operator@example.com roles/cloudkms.cryptoKeyDecrypter", "rewrap user:operator@example.com roles/cloudkms.cryptoKeyEncrypter"]
    error_message = "Of the operators only rewrap reaches the key."
  }
  assert {
    condition     = keys(local.people_secrets) == ["keys group:operators@example.com pepper"]
    error_message = "Of the operators only keys reads the pepper."
  }
  assert {
    condition     = length([for label, right in local.people_tables : label if right.table == "versions" && right.member != "user:operator@example.com"]) == 0
    error_message = "Of the operators only rewrap reads ciphertext."
  }
}

run "an_environment_is_stage_or_prod" {
  command = plan

  variables {
    environment = "dev"
  }
  expect_failures = [var.environment]
}

run "decrypt_is_not_put_behind_the_load_balancer" {
  command = plan

  variables {
    decrypt_ingress = "ALLOW_INTERNAL_AND_GCLB"
  }
  expect_failures = [var.decrypt_ingress]
}

run "an_operator_is_a_person_a_group_or_an_account" {
  command = plan

  variables {
    operators = { keys = ["allUsers"] }
  }
  expect_failures = [var.operators]
}

run "a_size_is_of_a_function" {
  command = plan

  variables {
    sizes = { gateway = { memory = "1Gi" } }
  }
  expect_failures = [var.sizes]
}

run "an_origin_has_no_path" {
  command = plan

  variables {
    cors_origins = ["https://app.example.com/"]
  }
  expect_failures = [var.cors_origins]
}

run "a_date_is_a_date" {
  command = plan

  variables {
    legacy_keys_until = "31.3.2027"
  }
  expect_failures = [var.legacy_keys_until]
}
