output "email" {
  description = "Email of the identity."
  value       = google_service_account.identity.email
}

output "name" {
  description = "Resource name of the identity, `projects/<P>/serviceAccounts/<email>`."
  value       = "projects/${var.project}/serviceAccounts/${google_service_account.identity.email}"
}

output "subject" {
  description = "Numeric id of the identity, which customers write into their trust policies."
  value       = google_service_account.identity.unique_id
}
