output "dataset" {
  description = "Id of the private dataset, once its tables and every grant are made."
  value       = google_bigquery_dataset.integrations.dataset_id
  depends_on  = [google_bigquery_table.table, google_bigquery_table_iam_member.grant, google_project_iam_member.jobs]
}

output "organizations" {
  description = "Id of the shared dataset, once its views are there and may read."
  value       = var.organizations.dataset
  depends_on = [
    google_bigquery_dataset_access.audit_view,
    google_bigquery_dataset_access.view,
    google_bigquery_table.view,
  ]
}

output "roles" {
  description = "Action => the role on a table that allows it: read, append, change."
  value       = local.table_roles
}
