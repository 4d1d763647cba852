mock_provider "google" {
  override_during = plan
  mock_resource "google_logging_project_sink" {
    defaults = { writer_identity = "serviceAccount:service-1@gcp-sa-logging.iam.gserviceaccount.com" }
  }
}

variables {
  project  = "a-project"
  location = "US"
  schema   = "../../../configs/setup/bootstrap/schemas/audit_log.json"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "audit_lines_go_to_the_table" {
  command = plan

  assert {
    condition     = output.filter == "resource.type = \"cloud_run_revision\" AND resource.labels.service_name =~ \"^integrations-\" AND logName = \"projects/a-project/logs/run.googleapis.com%2Fstdout\" AND jsonPayload.message = \"audit\""
    error_message = "The sink takes the audit lines of the functions."
  }
  assert {
    condition     = google_logging_project_sink.table.bigquery_options[0].use_partitioned_tables && google_bigquery_table.stdout.table_id == "run_googleapis_com_stdout"
    error_message = "A sink of partitioned tables names the table after the log."
  }
  assert {
    condition     = google_bigquery_table.stdout.time_partitioning[0].field == "timestamp" && google_bigquery_table.stdout.time_partitioning[0].expiration_ms == 34560000000
    error_message = "The table is kept for 400 days, by day."
  }
  assert {
    condition     = one([for column in jsondecode(google_bigquery_table.stdout.schema) : [for field in column.fields : field.name] if column.name == "jsonPayload"]) == ["message", "audit"]
    error_message = "The record stands in jsonPayload.audit."
  }
  assert {
    condition     = google_bigquery_dataset_access.writer.role == "WRITER" && google_bigquery_dataset_access.writer.user_by_email == "service-1@gcp-sa-logging.iam.gserviceaccount.com"
    error_message = "The sink may write."
  }
}

run "no_bucket_is_locked_unasked" {
  command = plan

  assert {
    condition     = length(google_logging_project_bucket_config.locked) + length(google_logging_project_sink.locked) == 0
    error_message = "A locked bucket cannot be undone."
  }
}

run "a_bucket_is_locked_where_asked_for" {
  command = plan

  variables {
    locked_days = 400
  }
  assert {
    condition     = google_logging_project_bucket_config.locked[0].locked && google_logging_project_bucket_config.locked[0].retention_days == 400
    error_message = "The bucket keeps the records as long as asked."
  }
  assert {
    condition     = google_logging_project_sink.locked[0].filter == google_logging_project_sink.table.filter
    error_message = "Both sinks take the same records."
  }
}

run "google_says_who_used_the_key" {
  command = plan

  assert {
    condition     = one(google_project_iam_audit_config.data["cloudkms.googleapis.com"].audit_log_config[*].log_type) == "DATA_READ"
    error_message = "Encrypt and Decrypt are data reads of Cloud KMS."
  }
}

run "a_bucket_is_not_locked_for_longer_than_logging_keeps" {
  command = plan

  variables {
    locked_days = 4000
  }
  expect_failures = [var.locked_days]
}
