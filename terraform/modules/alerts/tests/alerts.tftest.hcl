mock_provider "google" {}

variables {
  project = "a-project"
  key     = "projects/a-project/locations/us-central1/keyRings/integrations/cryptoKeys/credentials"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "each_event_has_a_metric_and_a_policy" {
  command = plan

  assert {
    condition     = keys(google_logging_metric.event) == ["expiring", "integrity", "kms_denied", "provider_incident", "status_invalid"] && keys(google_monitoring_alert_policy.event) == keys(google_logging_metric.event)
    error_message = "Five events, five policies."
  }
  assert {
    condition     = alltrue([for name, policy in google_monitoring_alert_policy.event : strcontains(policy.conditions[0].condition_threshold[0].filter, "logging.googleapis.com/user/integrations/${name}\"")])
    error_message = "A policy looks at its own metric."
  }
  assert {
    condition     = strcontains(google_logging_metric.event["kms_denied"].filter, var.key)
    error_message = "Only refusals of our key count."
  }
}

run "silence_is_an_event" {
  command = plan

  assert {
    condition     = google_monitoring_alert_policy.sweep_late.conditions[0].condition_absent[0].duration == "10800s"
    error_message = "Three hours without a sweep are an incident."
  }
}

run "people_are_told" {
  command = plan

  variables {
    channels = ["projects/a-project/notificationChannels/1"]
  }
  assert {
    condition     = alltrue([for policy in google_monitoring_alert_policy.event : policy.notification_channels == tolist(["projects/a-project/notificationChannels/1"])])
    error_message = "Every policy tells the channels."
  }
}

run "an_address_is_no_channel" {
  command = plan

  variables {
    channels = ["operators@example.com"]
  }
  expect_failures = [var.channels]
}

run "more_than_a_day_of_silence_cannot_be_seen" {
  command = plan

  variables {
    sweep_late_minutes = 1440
  }
  expect_failures = [var.sweep_late_minutes]
}
