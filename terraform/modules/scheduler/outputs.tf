output "email" {
  description = "Email of the Scheduler's service account."
  value       = google_service_account.scheduler.email
}

output "member" {
  description = "The Scheduler's service account as an IAM member, `serviceAccount:<email>`."
  value       = google_service_account.scheduler.member
}
