# The dataset is the sink's own, since its writer needs to edit all of it.
resource "google_bigquery_dataset" "audit" {
  project                    = var.project
  dataset_id                 = var.dataset
  location                   = var.location
  friendly_name              = "Integrations, audit"
  description                = "Who did what with which credential. Written by a log sink, read through a view."
  max_time_travel_hours      = "168"
  delete_contents_on_destroy = false
  deletion_policy            = "PREVENT"

  lifecycle {
    prevent_destroy = true
  }
}

locals {
  column = { for name, type in {
    insertId         = "STRING"
    logName          = "STRING"
    receiveTimestamp = "TIMESTAMP"
    severity         = "STRING"
    spanId           = "STRING"
    timestamp        = "TIMESTAMP"
    trace            = "STRING"
    traceSampled     = "BOOLEAN"
  } : name => { name = name, type = type, mode = "NULLABLE" } }

  # A log entry as the sink writes it. It adds columns by itself when entries bring new ones.
  entry = concat(values(local.column), [
    {
      name = "resource", type = "RECORD", mode = "NULLABLE", fields = [
        { name = "type", type = "STRING", mode = "NULLABLE" },
        {
          name = "labels", type = "RECORD", mode = "NULLABLE", fields = [
            for label in ["configuration_name", "location", "project_id", "revision_name", "service_name"] :
            { name = label, type = "STRING", mode = "NULLABLE" }
          ]
        },
      ]
    },
    {
      name = "jsonPayload", type = "RECORD", mode = "NULLABLE", fields = [
        { name = "message", type = "STRING", mode = "NULLABLE" },
        { name = "audit", type = "RECORD", mode = "NULLABLE", fields = jsondecode(file(var.schema)) },
      ]
    },
  ])

  filter = join(" AND ", [
    "resource.type = \"cloud_run_revision\"",
    "resource.labels.service_name =~ \"^integrations-\"",
    "logName = \"projects/${var.project}/logs/run.googleapis.com%2Fstdout\"",
    "jsonPayload.message = \"audit\"",
  ])
}

# Made before the first record, so that the view over it can be, too. The name is the one that the sink gives it.
resource "google_bigquery_table" "stdout" {
  project             = var.project
  dataset_id          = google_bigquery_dataset.audit.dataset_id
  table_id            = "run_googleapis_com_stdout"
  schema              = jsonencode(local.entry)
  deletion_protection = true

  time_partitioning {
    type          = "DAY"
    field         = "timestamp"
    expiration_ms = var.keep_days * 86400000
  }

  lifecycle {
    prevent_destroy = true
    ignore_changes  = [schema]
  }
}

resource "google_logging_project_sink" "table" {
  project                = var.project
  name                   = "integrations-audit"
  description            = "Audit records of the integrations functions."
  destination            = "bigquery.googleapis.com/projects/${var.project}/datasets/${google_bigquery_dataset.audit.dataset_id}"
  filter                 = local.filter
  unique_writer_identity = true

  bigquery_options {
    use_partitioned_tables = true
  }

  depends_on = [google_bigquery_table.stdout]
}

# Not google_bigquery_dataset_iam_member: that would take the authorised view away again.
resource "google_bigquery_dataset_access" "writer" {
  project       = var.project
  dataset_id    = google_bigquery_dataset.audit.dataset_id
  role          = "WRITER"
  user_by_email = trimprefix(google_logging_project_sink.table.writer_identity, "serviceAccount:")
}

# Records that nobody, an owner included, can change or delete before their time. Cannot be undone.
resource "google_logging_project_bucket_config" "locked" {
  count = var.locked_days > 0 ? 1 : 0

  project        = var.project
  location       = "global"
  bucket_id      = "integrations-audit"
  description    = "Audit records of the integrations functions, locked."
  retention_days = var.locked_days
  locked         = true

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_logging_project_sink" "locked" {
  count = var.locked_days > 0 ? 1 : 0

  project     = var.project
  name        = "integrations-audit-locked"
  description = "Audit records of the integrations functions, to a locked bucket of the same project."
  destination = "logging.googleapis.com/${google_logging_project_bucket_config.locked[0].id}"
  filter      = local.filter
}

# What Google saw, beside what the functions say: each use of the key and each read of the pepper, by account.
resource "google_project_iam_audit_config" "data" {
  for_each = toset(["cloudkms.googleapis.com", "secretmanager.googleapis.com"])

  project = var.project
  service = each.key

  audit_log_config {
    log_type = "DATA_READ"
  }
}
