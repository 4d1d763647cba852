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

run "all_instances_leave_through_one_address" {
  command = plan

  assert {
    condition     = google_compute_router_nat.nat.nat_ip_allocate_option == "MANUAL_ONLY"
    error_message = "An address that Google picks is not one to allow."
  }
  assert {
    condition     = google_compute_router_nat.nat.source_subnetwork_ip_ranges_to_nat == "LIST_OF_SUBNETWORKS"
    error_message = "Only the functions leave through it."
  }
  assert {
    condition     = google_compute_subnetwork.functions.private_ip_google_access
    error_message = "Google's services are reached without leaving its network."
  }
}

run "a_range_too_small_for_instances_is_refused" {
  command = plan

  variables {
    range = "10.0.0.0/28"
  }
  expect_failures = [var.range]
}
