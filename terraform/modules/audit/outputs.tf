output "dataset" {
  description = "Id of the audit dataset, once its table is there."
  value       = google_bigquery_dataset.audit.dataset_id
  depends_on  = [google_bigquery_table.stdout]
}

output "filter" {
  description = "The log filter that finds audit records."
  value       = local.filter
}
