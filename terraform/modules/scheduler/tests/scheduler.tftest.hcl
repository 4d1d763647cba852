mock_provider "google" {}

variables {
  project   = "a-project"
  region    = "us-central1"
  timeout_s = 600
  uri       = "https://integrations-revalidate-abc-uc.a.run.app"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "one_sweep_takes_everything" {
  command = plan

  assert {
    condition     = keys(google_cloud_scheduler_job.sweep) == ["0"] && google_cloud_scheduler_job.sweep["0"].http_target[0].body == base64encode(jsonencode({ max_seconds = 540, shard = "0/1" }))
    error_message = "One shard of one is everything."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep["0"].attempt_deadline == "630s"
    error_message = "The Scheduler waits longer than the function may run."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep["0"].http_target[0].uri == "https://integrations-revalidate-abc-uc.a.run.app/revalidate" && google_cloud_scheduler_job.sweep["0"].http_target[0].http_method == "POST"
    error_message = "The sweep is a POST to /revalidate."
  }
  assert {
    condition     = google_cloud_scheduler_job.sweep["0"].http_target[0].oidc_token[0].audience == "https://integrations-revalidate-abc-uc.a.run.app"
    error_message = "Cloud Run takes tokens for its own URL."
  }
}

run "shards_share_the_work" {
  command = plan

  variables {
    shards = 3
  }
  assert {
    condition     = [for job in google_cloud_scheduler_job.sweep : jsondecode(base64decode(job.http_target[0].body)).shard] == ["0/3", "1/3", "2/3"]
    error_message = "Each shard is swept once, counted from 0."
  }
}

run "more_shards_than_a_table_takes_are_refused" {
  command = plan

  variables {
    shards = 21
  }
  expect_failures = [var.shards]
}

run "a_sweep_longer_than_an_attempt_is_refused" {
  command = plan

  variables {
    timeout_s = 1800
  }
  expect_failures = [var.timeout_s]
}
