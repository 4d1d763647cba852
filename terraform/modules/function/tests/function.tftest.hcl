mock_provider "google" {
  override_during = plan
  mock_resource "google_service_account" {
    defaults = { email = "int-list@a-project.iam.gserviceaccount.com", member = "serviceAccount:int-list@a-project.iam.gserviceaccount.com" }
  }
}

variables {
  project     = "a-project"
  region      = "us-central1"
  name        = "list"
  ingress     = "ALLOW_ALL"
  timeout_s   = 30
  environment = { NODE_ENV = "production" }
  build       = { account = "projects/a-project/serviceAccounts/int-build@a-project.iam.gserviceaccount.com", repository = "projects/a-project/locations/us-central1/repositories/integrations" }
  source_code = { bucket = "a-project-integrations-sources", hash = "0a1b", zip = "tests/function.tftest.hcl" }
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "one_operation_one_function_one_account" {
  command = plan

  assert {
    condition     = google_cloudfunctions2_function.function.name == "integrations-list" && google_service_account.account.account_id == "int-list"
    error_message = "Function and account are named after the operation."
  }
  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].service_account_email == google_service_account.account.email
    error_message = "The function runs as its own account."
  }
  assert {
    condition     = google_cloudfunctions2_function.function.build_config[0].runtime == "nodejs24" && google_cloudfunctions2_function.function.build_config[0].entry_point == "list"
    error_message = "The function runs on Node 24."
  }
  assert {
    condition     = google_cloudfunctions2_function.function.build_config[0].environment_variables == tomap({ GOOGLE_NODE_RUN_SCRIPTS = "gcp-build" })
    error_message = "The build makes the code cache."
  }
  assert {
    condition     = google_storage_bucket_object.source.name == "list/0a1b.zip"
    error_message = "The source is named by its hash."
  }
}

run "sizes_are_said" {
  command = plan

  assert {
    condition = (
      google_cloudfunctions2_function.function.service_config[0].available_memory == "512Mi" &&
      google_cloudfunctions2_function.function.service_config[0].available_cpu == "1" &&
      google_cloudfunctions2_function.function.service_config[0].max_instance_request_concurrency == 40 &&
      google_cloudfunctions2_function.function.service_config[0].min_instance_count == 0 &&
      google_cloudfunctions2_function.function.service_config[0].max_instance_count == 10
    )
    error_message = "512Mi, 1 CPU, 40 requests at once, at most 10 instances."
  }
  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].timeout_seconds == 30 && google_cloudfunctions2_function.function.service_config[0].ingress_settings == "ALLOW_ALL"
    error_message = "Timeout and ingress are the given ones."
  }
}

run "without_grants_it_may_do_nothing" {
  command = plan

  assert {
    condition     = length(google_kms_crypto_key_iam_member.key) + length(google_bigquery_table_iam_member.table) + length(google_project_iam_member.jobs) + length(google_secret_manager_secret_iam_member.secret) + length(google_service_account_iam_member.identity) + length(google_cloud_run_v2_service_iam_member.invoker) == 0
    error_message = "Nothing is granted that was not asked for."
  }
}

run "it_may_do_exactly_what_is_granted" {
  command = plan

  variables {
    grants = {
      identities = { aws = "projects/a-project/serviceAccounts/integrations-aws@a-project.iam.gserviceaccount.com" }
      key        = "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
      key_roles  = ["roles/cloudkms.cryptoKeyDecrypter"]
      secrets    = { pepper = "projects/a-project/secrets/integrations-pepper" }
      tables     = { "heads/read" = { dataset = "integrations", table = "heads", role = "roles/bigquery.dataViewer" } }
    }
    invokers = { everyone = "allUsers" }
  }
  assert {
    condition     = google_kms_crypto_key_iam_member.key["roles/cloudkms.cryptoKeyDecrypter"].crypto_key_id == "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
    error_message = "The role stands on the key, not on the project."
  }
  assert {
    condition     = google_bigquery_table_iam_member.table["heads/read"].table_id == "heads" && google_project_iam_member.jobs[0].role == "roles/bigquery.jobUser"
    error_message = "The role stands on the table; on the project it may run queries."
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.secret["pepper"].role == "roles/secretmanager.secretAccessor"
    error_message = "It reads the secret's value."
  }
  assert {
    condition     = google_service_account_iam_member.identity["aws"].role == "roles/iam.serviceAccountOpenIdTokenCreator"
    error_message = "It mints ID tokens and cannot act as the account otherwise."
  }
  assert {
    condition     = google_cloud_run_v2_service_iam_member.invoker["everyone"].member == "allUsers"
    error_message = "Cloud Run lets the invokers in."
  }
}

run "all_traffic_leaves_through_the_network" {
  command = plan

  variables {
    network = { network = "integrations", subnetwork = "integrations-functions" }
  }
  assert {
    condition     = google_cloudfunctions2_function.function.service_config[0].direct_vpc_egress == "VPC_EGRESS_ALL_TRAFFIC"
    error_message = "Without all traffic the address would not be the fixed one."
  }
}

run "a_network_without_its_subnetwork_is_refused" {
  command = plan

  variables {
    network = { network = "integrations" }
  }
  expect_failures = [var.network]
}

run "sealing_and_opening_are_two_functions" {
  command = plan

  variables {
    grants = { key_roles = ["roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.cryptoKeyEncrypter"] }
  }
  expect_failures = [var.grants]
}

run "a_wider_role_on_the_key_is_refused" {
  command = plan

  variables {
    grants = { key_roles = ["roles/cloudkms.cryptoKeyEncrypterDecrypter"] }
  }
  expect_failures = [var.grants]
}

run "a_function_that_answers_with_stacks_is_refused" {
  command = plan

  variables {
    environment = { NODE_ENV = "development" }
  }
  expect_failures = [var.environment]
}

run "concurrency_needs_a_whole_cpu" {
  command = plan

  variables {
    size = { cpu = "0.5" }
  }
  expect_failures = [var.size]
}

run "an_unknown_ingress_is_refused" {
  command = plan

  variables {
    ingress = "ALL"
  }
  expect_failures = [var.ingress]
}

run "a_name_too_long_for_an_account_is_refused" {
  command = plan

  variables {
    name = "an-operation-with-a-long-name"
  }
  expect_failures = [var.name]
}
