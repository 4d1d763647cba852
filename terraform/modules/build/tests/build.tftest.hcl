mock_provider "google" {}

variables {
  project = "a-project"
  region  = "us-central1"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "sources_are_private" {
  command = plan

  assert {
    condition     = google_storage_bucket.sources.public_access_prevention == "enforced" && google_storage_bucket.sources.uniform_bucket_level_access
    error_message = "The bucket must be closed to the public."
  }
}

run "the_builder_builds_and_does_nothing_else" {
  command = plan

  assert {
    condition     = google_project_iam_member.logs.role == "roles/logging.logWriter" && google_project_iam_member.sources.role == "roles/storage.objectViewer"
    error_message = "The builder writes its log and reads sources."
  }
  assert {
    condition     = strcontains(google_project_iam_member.sources.condition[0].expression, "gcf-v2-sources-") && strcontains(google_project_iam_member.sources.condition[0].expression, "a-project-integrations-sources")
    error_message = "The builder reads the buckets of sources alone."
  }
  assert {
    condition     = google_artifact_registry_repository_iam_member.images.role == "roles/artifactregistry.writer"
    error_message = "The builder writes to the one repository."
  }
}
