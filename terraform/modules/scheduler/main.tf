resource "google_service_account" "scheduler" {
  project      = var.project
  account_id   = "int-scheduler"
  display_name = "Integrations: Scheduler"
  description  = "Calls revalidate and nothing else."
}

# One job a shard, so that a large sweep runs side by side. A sweep that was cut off goes on where it stopped: what it
# has checked is no longer due.
resource "google_cloud_scheduler_job" "sweep" {
  for_each = toset([for index in range(var.shards) : tostring(index)])

  project          = var.project
  region           = var.region
  name             = "integrations-revalidate-${each.key}-of-${var.shards}"
  description      = "Checks the stored credentials that are due, share ${each.key} of ${var.shards}."
  schedule         = var.schedule
  time_zone        = "Etc/UTC"
  paused           = var.paused
  attempt_deadline = "${min(var.timeout_s + 30, 1800)}s"

  retry_config {
    retry_count          = 1
    min_backoff_duration = "60s"
    max_backoff_duration = "300s"
    max_doublings        = 2
    max_retry_duration   = "0s"
  }

  http_target {
    http_method = "POST"
    uri         = "${var.uri}/revalidate"
    headers     = { "Content-Type" = "application/json" }
    body = base64encode(jsonencode({
      max_seconds = max(1, var.timeout_s - 60)
      shard       = "${each.key}/${var.shards}"
    }))

    oidc_token {
      service_account_email = google_service_account.scheduler.email
      audience              = var.uri
    }
  }
}
