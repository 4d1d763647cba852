output "policies" {
  description = "Name of the event => resource name of its alert policy."
  value = merge(
    { for name, policy in google_monitoring_alert_policy.event : name => policy.name },
    { sweep_late = google_monitoring_alert_policy.sweep_late.name },
  )
}
