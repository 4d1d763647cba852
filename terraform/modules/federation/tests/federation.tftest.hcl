mock_provider "google" {
  override_during = plan
  mock_resource "google_service_account" {
    defaults = { email = "integrations-aws@a-project.iam.gserviceaccount.com", unique_id = "117000000000000000001" }
  }
}

variables {
  project = "a-project"
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "the_identity_has_one_name_and_one_number" {
  command = plan

  assert {
    condition     = google_service_account.identity.account_id == "integrations-aws"
    error_message = "The identity is integrations-aws."
  }
  assert {
    condition     = output.subject == "117000000000000000001"
    error_message = "The subject is the numeric id."
  }
  assert {
    condition     = output.name == "projects/a-project/serviceAccounts/integrations-aws@a-project.iam.gserviceaccount.com"
    error_message = "The name is what a grant on the account wants."
  }
}
