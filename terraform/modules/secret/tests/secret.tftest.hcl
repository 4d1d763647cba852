mock_provider "google" {}

variables {
  project = "a-project"
  secret  = "integrations-pepper"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "the_secret_stays_and_its_versions_can_be_brought_back" {
  command = plan

  assert {
    condition     = google_secret_manager_secret.secret.deletion_protection && google_secret_manager_secret.secret.deletion_policy == "PREVENT"
    error_message = "The secret must not be deletable."
  }
  assert {
    condition     = google_secret_manager_secret.secret.version_destroy_ttl == "604800s"
    error_message = "A destroyed version must stay for a week."
  }
  assert {
    condition     = output.name == "projects/a-project/secrets/integrations-pepper"
    error_message = "The secret is named by the project's id, without a version."
  }
}

run "a_grant_reads_the_value_and_nothing_else" {
  command = plan

  variables {
    grants = { keys = "user:operator@example.com" }
  }
  assert {
    condition     = google_secret_manager_secret_iam_member.grant["keys"].role == "roles/secretmanager.secretAccessor"
    error_message = "A grant reads the value and nothing else."
  }
}

run "a_name_that_secret_manager_refuses_is_refused_here" {
  command = plan

  variables {
    secret = "the pepper"
  }
  expect_failures = [var.secret]
}
