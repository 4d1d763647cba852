# What configs/functions.yml grants, told once more in the words of the cloud. Needs no provider.

variables {
  functions = yamldecode(file("../../../configs/functions.yml")).functions
  pipelines = ["costs@a-project.iam.gserviceaccount.com"]
  scheduler = "int-scheduler@a-project.iam.gserviceaccount.com"
  tables    = ["decrypt_grants", "heads", "org_keys", "validations", "versions"]
  views     = ["integration_versions", "org_integration_credentials"]
}

run "only_three_functions_can_open_a_credential" {
  assert {
    condition     = [for name, grant in output.grants : name if contains(grant.key, "roles/cloudkms.cryptoKeyDecrypter")] == ["decrypt", "revalidate", "validate"]
    error_message = "Only decrypt, revalidate and validate may open a credential."
  }
}

run "only_two_functions_can_seal_one" {
  assert {
    condition     = [for name, grant in output.grants : name if contains(grant.key, "roles/cloudkms.cryptoKeyEncrypter")] == ["setup", "update"]
    error_message = "Only setup and update may seal a credential."
  }
}

run "list_get_and_delete_can_read_no_ciphertext" {
  assert {
    condition     = length([for name in ["list", "get", "delete"] : name if length(setintersection(keys(output.grants[name].tables), ["versions/read", "versions/change", "org_integration_credentials/read"])) > 0]) == 0
    error_message = "list, get and delete must not read versions."
  }
}

run "setup_appends_versions_and_reads_them_without_ciphertext" {
  assert {
    condition = output.grants.setup.tables == {
      "heads/change"              = { table = "heads", action = "change", dataset = "integrations" }
      "integration_versions/read" = { table = "integration_versions", action = "read", dataset = "organizations" }
      "org_keys/read"             = { table = "org_keys", action = "read", dataset = "integrations" }
      "versions/append"           = { table = "versions", action = "append", dataset = "integrations" }
    }
    error_message = "setup has other rights on tables than these."
  }
}

run "everyone_invokes_the_six_public_functions_alone" {
  assert {
    condition     = output.public == toset(["delete", "get", "list", "setup", "update", "validate"])
    error_message = "Public are delete, get, list, setup, update and validate."
  }
  assert {
    condition     = [for name, members in output.invokers : name if contains(values(members), "allUsers")] == ["delete", "get", "list", "setup", "update", "validate"]
    error_message = "allUsers may invoke the public functions and no other."
  }
  assert {
    condition     = output.invokers.decrypt == { "costs@a-project.iam.gserviceaccount.com" = "serviceAccount:costs@a-project.iam.gserviceaccount.com" }
    error_message = "decrypt is invoked by the named pipelines."
  }
  assert {
    condition     = output.invokers.revalidate == { scheduler = "serviceAccount:int-scheduler@a-project.iam.gserviceaccount.com" }
    error_message = "revalidate is invoked by the Scheduler."
  }
}

run "a_function_is_told_only_what_it_needs" {
  assert {
    condition     = output.environment.list == tolist(["BIGQUERY_DATASET", "BIGQUERY_LEDGER_DATASET", "BIGQUERY_LOCATION", "GOOGLE_CLOUD_PROJECT", "INTEGRATIONS_BACKEND", "INTEGRATIONS_KEY_ENV", "NODE_COMPILE_CACHE", "NODE_ENV", "PEPPER_SECRET"])
    error_message = "list needs neither the key nor the identity towards AWS."
  }
  assert {
    condition     = output.environment.decrypt == tolist(["AWS_FEDERATION_SUBJECT", "BIGQUERY_DATASET", "BIGQUERY_LEDGER_DATASET", "BIGQUERY_LOCATION", "GOOGLE_CLOUD_PROJECT", "INTEGRATIONS_BACKEND", "KMS_KEY", "NODE_COMPILE_CACHE", "NODE_ENV", "OIDC_AUDIENCE"])
    error_message = "decrypt needs the audience and no pepper."
  }
  assert {
    condition     = contains(output.environment.get, "AWS_FEDERATION_SUBJECT") && !output.grants.get.aws
    error_message = "get shows the identity towards AWS and cannot act as it."
  }
}

run "older_keys_are_looked_up_only_while_they_are_taken" {
  variables {
    legacy_keys = true
  }
  assert {
    condition     = [for name, grant in output.grants : name if contains(keys(grant.tables), "org_api_keys/read")] == ["delete", "get", "list", "setup", "update", "validate"]
    error_message = "Whoever verifies organisation keys reads the older table."
  }
  assert {
    condition     = output.grants.list.tables["org_api_keys/read"].dataset == "organizations" && contains(keys(output.grants.list.tables), "org_keys/append")
    error_message = "The older table stands in the shared dataset, and its keys are added to ours."
  }
  assert {
    condition     = [for name, names in output.environment : name if contains(names, "LEGACY_KEYS_UNTIL")] == ["delete", "get", "list", "setup", "update", "validate"]
    error_message = "Whoever looks older keys up is told until when."
  }
}

run "an_operator_who_rewraps_seals_and_opens" {
  variables {
    people = { rewrap = { aws = false, key = "rewrap", secrets = [], tables = { heads = "change", versions = "change" } } }
  }
  assert {
    condition     = output.grants.rewrap.key == toset(["roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.cryptoKeyEncrypter"])
    error_message = "rewrap needs both roles."
  }
  assert {
    condition     = !contains(keys(output.environment), "rewrap") && !contains(keys(output.invokers), "rewrap")
    error_message = "A duty of people is no function."
  }
}

run "a_table_without_schema_or_view_is_refused" {
  command = plan

  variables {
    views = []
  }
  expect_failures = [output.grants]
}

run "an_unknown_right_is_refused" {
  command = plan

  variables {
    functions = { list = { invoker = "everyone", key = "none", tables = { heads = "write" }, secrets = [], aws = false, egress = "google", timeout_s = 30 } }
  }
  expect_failures = [var.functions]
}

run "a_function_that_seals_and_opens_is_refused" {
  command = plan

  variables {
    functions = { setup = { invoker = "everyone", key = "rewrap", tables = {}, secrets = [], aws = false, egress = "google", timeout_s = 30 } }
  }
  expect_failures = [var.functions]
}

run "an_unknown_invoker_is_refused" {
  command = plan

  variables {
    functions = { list = { invoker = "anyone", key = "none", tables = {}, secrets = [], aws = false, egress = "google", timeout_s = 30 } }
  }
  expect_failures = [var.functions]
}

run "everyone_is_no_pipeline" {
  command = plan

  variables {
    pipelines = ["allUsers"]
  }
  expect_failures = [var.pipelines]
}

run "a_person_is_no_pipeline" {
  command = plan

  variables {
    pipelines = ["somebody@example.com"]
  }
  expect_failures = [var.pipelines]
}
