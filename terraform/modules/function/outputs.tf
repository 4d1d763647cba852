output "email" {
  description = "Email of the function's service account."
  value       = google_service_account.account.email
}

output "member" {
  description = "The function's service account as an IAM member, `serviceAccount:<email>`."
  value       = google_service_account.account.member
}

output "service" {
  description = "Name of the Cloud Run service beneath the function."
  value       = google_cloudfunctions2_function.function.name
}

output "uri" {
  description = "URL of the function, `https://…run.app`, once its invokers are let in."
  value       = google_cloudfunctions2_function.function.service_config[0].uri
  depends_on  = [google_cloud_run_v2_service_iam_member.invoker]
}
