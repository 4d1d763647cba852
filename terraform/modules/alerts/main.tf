locals {
  functions = "resource.type = \"cloud_run_revision\" AND resource.labels.service_name =~ \"^integrations-\""

  # What is counted, and what an incident then says. `event` is the message of the log line.
  events = {
    status_invalid = {
      title    = "A credential turned INVALID"
      filter   = "${local.functions} AND jsonPayload.message = \"integration.status_changed\" AND jsonPayload.status = \"INVALID\""
      severity = "WARNING"
      text     = "The provider refused a credential that had worked, twice. The organisation must replace it; its pipelines get 409 until then. The log line names organisation and provider."
    }
    expiring = {
      title    = "A credential expires soon"
      filter   = "${local.functions} AND jsonPayload.message = \"integration.expiring\""
      severity = "WARNING"
      text     = "Announced 30, 14, 7 and 1 days ahead, once each; with the reason cancellation_deadline it is the last day to cancel a subscription. The log line names organisation, provider and days."
    }
    provider_incident = {
      title    = "A provider cannot be reached"
      filter   = "${local.functions} AND jsonPayload.message = \"provider.incident\""
      severity = "ERROR"
      text     = "Half or more of a provider's credentials gave no verdict in one sweep. No status has changed. Look at the provider's status page, then at our way out."
    }
    integrity = {
      title    = "A stored credential failed its checks"
      filter   = "${local.functions} AND jsonPayload.message = \"integrity\""
      severity = "CRITICAL"
      text     = "Ciphertext or row is not what was stored: someone changed the table, or it is damaged. Nothing was handed out. Find the change in BigQuery's audit log before anything is repaired."
    }
    kms_denied = {
      title    = "The key was refused to someone"
      filter   = "protoPayload.serviceName = \"cloudkms.googleapis.com\" AND protoPayload.resourceName : \"${var.key}\" AND protoPayload.status.code = 7"
      severity = "CRITICAL"
      text     = "An account without the right tried to seal or open, or one of ours has lost it. The entry names the account."
    }
  }
}

resource "google_logging_metric" "event" {
  for_each = local.events

  project     = var.project
  name        = "integrations/${each.key}"
  description = each.value.title
  filter      = each.value.filter

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_logging_metric" "sweep" {
  project     = var.project
  name        = "integrations/sweep_finished"
  description = "Sweeps that came to their end."
  filter      = "${local.functions} AND jsonPayload.message = \"sweep.finished\""

  metric_descriptor {
    metric_kind = "DELTA"
    value_type  = "INT64"
    unit        = "1"
  }
}

resource "google_monitoring_alert_policy" "event" {
  for_each = local.events

  project               = var.project
  display_name          = "Integrations: ${each.value.title}"
  combiner              = "OR"
  severity              = each.value.severity
  notification_channels = var.channels

  conditions {
    display_name = each.value.title

    condition_threshold {
      filter          = "metric.type = \"logging.googleapis.com/user/${google_logging_metric.event[each.key].name}\" AND resource.type = \"${each.key == "kms_denied" ? "cloudkms_cryptokey" : "cloud_run_revision"}\""
      comparison      = "COMPARISON_GT"
      threshold_value = 0
      duration        = "0s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = each.value.text
  }
}

# Only silence after a first sweep is noticed: a metric that never had a value cannot be absent.
resource "google_monitoring_alert_policy" "sweep_late" {
  project               = var.project
  display_name          = "Integrations: the sweep is late"
  combiner              = "OR"
  severity              = "ERROR"
  notification_channels = var.channels

  conditions {
    display_name = "No sweep has finished"

    condition_absent {
      filter   = "metric.type = \"logging.googleapis.com/user/${google_logging_metric.sweep.name}\" AND resource.type = \"cloud_run_revision\""
      duration = "${var.sweep_late_minutes * 60}s"

      aggregations {
        alignment_period     = "300s"
        per_series_aligner   = "ALIGN_DELTA"
        cross_series_reducer = "REDUCE_SUM"
      }
    }
  }

  alert_strategy {
    auto_close = "86400s"
  }

  documentation {
    mime_type = "text/markdown"
    content   = "No sweep has come to its end for ${var.sweep_late_minutes} minutes. Look at the job in Cloud Scheduler, then at the log of integrations-revalidate. Credentials go on working; their status grows old."
  }
}
