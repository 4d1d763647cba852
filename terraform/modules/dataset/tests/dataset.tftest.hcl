mock_provider "google" {}

variables {
  project       = "a-project"
  location      = "US"
  audit_dataset = "integrations_audit"
  schemas_dir   = "../../../configs/setup/bootstrap/schemas"
  tables        = ["decrypt_grants", "heads", "org_keys", "validations", "versions"]
  views         = ["integration_versions", "org_integration_credentials"]
  views_dir     = "../../../configs/setup/bootstrap/views"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "what_is_deleted_is_readable_for_two_days" {
  command = plan

  assert {
    condition     = google_bigquery_dataset.integrations.max_time_travel_hours == "48"
    error_message = "Time travel must be the least that BigQuery allows."
  }
  assert {
    condition     = !google_bigquery_dataset.integrations.delete_contents_on_destroy && google_bigquery_dataset.integrations.deletion_policy == "PREVENT"
    error_message = "The private dataset must not be deletable with its rows."
  }
}

run "the_shared_dataset_is_made_only_where_asked_for" {
  command = plan

  assert {
    condition     = length(google_bigquery_dataset.organizations) == 0
    error_message = "Somebody else's dataset must be left alone."
  }
  assert {
    condition     = google_bigquery_table.view["org_integration_credentials"].dataset_id == "organizations"
    error_message = "The views stand in the shared dataset."
  }
}

run "the_shared_dataset_is_made_where_asked_for" {
  command = plan

  variables {
    organizations = { create = true, dataset = "tenants" }
  }
  assert {
    condition     = google_bigquery_dataset.organizations[0].dataset_id == "tenants" && google_bigquery_table.view["integration_versions"].dataset_id == "tenants"
    error_message = "The dataset and its views have the name that was given."
  }
}

run "tables_are_clustered_as_they_are_read" {
  command = plan

  assert {
    condition     = alltrue([for table in ["heads", "versions", "validations"] : google_bigquery_table.table[table].clustering == tolist(["org_slug", "provider"])])
    error_message = "heads, versions and validations are clustered by organisation and provider."
  }
  assert {
    condition     = google_bigquery_table.table["org_keys"].clustering == null
    error_message = "org_keys is looked up by its id."
  }
  assert {
    condition     = google_bigquery_table.table["validations"].time_partitioning[0].field == "checked_at" && google_bigquery_table.table["validations"].time_partitioning[0].expiration_ms == 34560000000
    error_message = "validations is kept for 400 days, by day."
  }
  assert {
    condition     = alltrue([for table in ["heads", "versions", "org_keys", "decrypt_grants"] : length(google_bigquery_table.table[table].time_partitioning) == 0])
    error_message = "No other table forgets anything."
  }
  assert {
    condition     = alltrue([for table in google_bigquery_table.table : table.deletion_protection])
    error_message = "No table may be deleted."
  }
}

run "each_view_is_authorised_by_itself" {
  command = plan

  assert {
    condition     = toset(keys(google_bigquery_dataset_access.view)) == toset(["integration_versions", "org_integration_credentials"])
    error_message = "Every view of ours reads the private dataset, and no other does."
  }
  assert {
    condition     = length(google_bigquery_dataset_access.audit_view) == 0
    error_message = "None of these reads the audit records."
  }
  assert {
    condition     = strcontains(google_bigquery_table.view["integration_versions"].view[0].query, "`a-project.integrations.versions`")
    error_message = "The query names project and dataset."
  }
}

run "a_view_of_audit_records_is_authorised_there" {
  command = plan

  variables {
    views     = ["who"]
    views_dir = "tests/views"
  }
  assert {
    condition     = google_bigquery_dataset_access.audit_view["who"].dataset_id == "integrations_audit"
    error_message = "A view that reads the audit dataset needs its leave."
  }
  assert {
    condition     = length(google_bigquery_dataset_access.view) == 0
    error_message = "A view that reads the audit dataset alone has no leave of the private one."
  }
}

run "rights_are_made_of_little" {
  command = plan

  assert {
    condition     = google_project_iam_custom_role.append.permissions == toset(["bigquery.tables.get", "bigquery.tables.updateData"])
    error_message = "Who appends reads nothing."
  }
  assert {
    condition     = google_project_iam_custom_role.change.permissions == toset(["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"])
    error_message = "Who changes rows changes no table."
  }
  assert {
    condition = output.roles == {
      append = "projects/a-project/roles/integrationsAppend"
      change = "projects/a-project/roles/integrationsChange"
      read   = "roles/bigquery.dataViewer"
    }
    error_message = "Each action has its role."
  }
}

run "a_person_gets_one_table" {
  command = plan

  variables {
    grants  = { keys = { dataset = "integrations", table = "org_keys", action = "change", member = "user:operator@example.com" } }
    members = { keys = "user:operator@example.com" }
  }
  assert {
    condition     = google_bigquery_table_iam_member.grant["keys"].table_id == "org_keys" && google_bigquery_table_iam_member.grant["keys"].role == "projects/a-project/roles/integrationsChange"
    error_message = "The grant stands on the table."
  }
  assert {
    condition     = google_project_iam_member.jobs["keys"].role == "roles/bigquery.jobUser"
    error_message = "Whoever has a right on a table may run a query."
  }
}

run "an_unknown_action_is_refused" {
  command = plan

  variables {
    grants = { keys = { dataset = "integrations", table = "org_keys", action = "own", member = "user:operator@example.com" } }
  }
  expect_failures = [var.grants]
}
