output "account" {
  description = "Resource name of the builder, `projects/<P>/serviceAccounts/<email>`, once it may build."
  value       = "projects/${var.project}/serviceAccounts/${google_service_account.builder.email}"
  depends_on = [
    google_artifact_registry_repository_iam_member.images,
    google_project_iam_member.logs,
    google_project_iam_member.sources,
  ]
}

output "bucket" {
  description = "Name of the bucket for sources."
  value       = google_storage_bucket.sources.name
}

output "repository" {
  description = "Where images go, `projects/<P>/locations/<L>/repositories/<R>`."
  value       = google_artifact_registry_repository.images.id
}
