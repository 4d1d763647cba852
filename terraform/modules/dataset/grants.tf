# BigQuery has no role that adds rows and reads none, and its editors may also drop tables. Hence two of our own.
resource "google_project_iam_custom_role" "append" {
  project     = var.project
  role_id     = "integrationsAppend"
  title       = "Integrations: append rows"
  description = "INSERT into a table without reading it. Granted on single tables only."
  permissions = ["bigquery.tables.get", "bigquery.tables.updateData"]
}

resource "google_project_iam_custom_role" "change" {
  project     = var.project
  role_id     = "integrationsChange"
  title       = "Integrations: change rows"
  description = "Read, INSERT and UPDATE the rows of a table. Granted on single tables only."
  permissions = ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.updateData"]
}

locals {
  table_roles = {
    read   = "roles/bigquery.dataViewer"
    append = "projects/${var.project}/roles/${google_project_iam_custom_role.append.role_id}"
    change = "projects/${var.project}/roles/${google_project_iam_custom_role.change.role_id}"
  }
}

resource "google_bigquery_table_iam_member" "grant" {
  for_each = var.grants

  project    = var.project
  dataset_id = each.value.dataset == "integrations" ? google_bigquery_dataset.integrations.dataset_id : var.organizations.dataset
  table_id   = each.value.table
  role       = local.table_roles[each.value.action]
  member     = each.value.member

  depends_on = [google_bigquery_table.table, google_bigquery_table.view]
}

# To run a query is a right of the project; what it may read is decided above.
resource "google_project_iam_member" "jobs" {
  for_each = var.members

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = each.value
}
