locals {
  # One file a table: the columns that the stores and their tests read too.
  schemas = { for table in var.tables : table => file("${var.schemas_dir}/${table}.json") }
  columns = { for table, schema in local.schemas : table => jsondecode(schema)[*].name }

  # History of attempts is kept for 400 days, by day; the other tables are small and stay whole.
  partitions = { validations = { field = "checked_at", days = 400 } }

  names = {
    project       = var.project
    integrations  = google_bigquery_dataset.integrations.dataset_id
    organizations = var.organizations.dataset
    audit         = var.audit_dataset
  }
  queries = { for view in var.views : view => templatefile("${var.views_dir}/${view}.sql", local.names) }

  # A view needs the leave of the datasets that it reads, and of no other.
  ledger_views = toset([for view in var.views : view if strcontains(file("${var.views_dir}/${view}.sql"), "$${integrations}")])
  audit_views  = toset([for view in var.views : view if strcontains(file("${var.views_dir}/${view}.sql"), "$${audit}")])
}

resource "google_bigquery_dataset" "integrations" {
  project       = var.project
  dataset_id    = var.dataset
  location      = var.location
  friendly_name = "Integrations, private"
  description   = "Credentials, sealed, and their history. Read only through the views in ${var.organizations.dataset}."
  # The least that BigQuery allows: what is deleted stays readable for this long.
  max_time_travel_hours      = "48"
  delete_contents_on_destroy = false
  deletion_policy            = "PREVENT"

  lifecycle {
    prevent_destroy = true
  }
}

# Shared with others, so it is made here only where nobody else has made it.
resource "google_bigquery_dataset" "organizations" {
  count = var.organizations.create ? 1 : 0

  project                    = var.project
  dataset_id                 = var.organizations.dataset
  location                   = var.location
  friendly_name              = "Organisations"
  description                = "What people query. Holds views of ${var.dataset}, no credential of its own."
  delete_contents_on_destroy = false
  deletion_policy            = "PREVENT"

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_bigquery_table" "table" {
  for_each = local.schemas

  project             = var.project
  dataset_id          = google_bigquery_dataset.integrations.dataset_id
  table_id            = each.key
  schema              = each.value
  clustering          = contains(local.columns[each.key], "org_slug") && contains(local.columns[each.key], "provider") ? ["org_slug", "provider"] : null
  deletion_protection = true

  dynamic "time_partitioning" {
    for_each = contains(keys(local.partitions), each.key) ? [local.partitions[each.key]] : []
    content {
      type          = "DAY"
      field         = time_partitioning.value.field
      expiration_ms = time_partitioning.value.days * 86400000
    }
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_bigquery_table" "view" {
  for_each = local.queries

  project    = var.project
  dataset_id = var.organizations.create ? google_bigquery_dataset.organizations[0].dataset_id : var.organizations.dataset
  table_id   = each.key
  # It holds nothing, so it may be replaced.
  deletion_protection = false

  view {
    query          = each.value
    use_legacy_sql = false
  }

  depends_on = [google_bigquery_table.table]
}

# Whoever may read the view reads these tables through it, without a right on them. BigQuery forgets this when the view
# changes, hence the trigger.
resource "google_bigquery_dataset_access" "view" {
  for_each = local.ledger_views

  project    = var.project
  dataset_id = google_bigquery_dataset.integrations.dataset_id

  view {
    project_id = var.project
    dataset_id = google_bigquery_table.view[each.key].dataset_id
    table_id   = google_bigquery_table.view[each.key].table_id
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_table.view[each.key]]
  }
}

resource "google_bigquery_dataset_access" "audit_view" {
  for_each = local.audit_views

  project    = var.project
  dataset_id = var.audit_dataset

  view {
    project_id = var.project
    dataset_id = google_bigquery_table.view[each.key].dataset_id
    table_id   = google_bigquery_table.view[each.key].table_id
  }

  lifecycle {
    replace_triggered_by = [google_bigquery_table.view[each.key]]
  }
}
