mock_provider "google" {}

variables {
  project = "a-project"
  region  = "us-central1"
  domain  = "integrations.example.com"
  services = {
    delete   = "integrations-delete"
    get      = "integrations-get"
    list     = "integrations-list"
    setup    = "integrations-setup"
    update   = "integrations-update"
    validate = "integrations-validate"
  }
}

run "the_example_plans" {
  command = plan

  module {
    source = "./examples/basic"
  }
}

run "fixed_paths_come_first" {
  command = plan

  assert {
    condition     = [for rule in google_compute_url_map.https.path_matcher[0].route_rules : rule.match_rules[0].full_path_match if rule.priority <= 4] == ["/health", "/api/v1/providers", "/api/v1/integrations/providers", "/api/v1/integrations/openapi.json"]
    error_message = "The fixed paths must be looked at before the templates that match them too."
  }
  assert {
    condition     = [for rule in google_compute_url_map.https.path_matcher[0].route_rules : rule.priority] == [for index in range(length(google_compute_url_map.https.path_matcher[0].route_rules)) : index + 1]
    error_message = "Each rule has a priority of its own, in the order in which they are written."
  }
}

run "a_path_of_three_functions_is_told_apart_by_method" {
  command = plan

  assert {
    condition = [
      for rule in google_compute_url_map.https.path_matcher[0].route_rules :
      { for match in rule.match_rules[0].header_matches : match.header_name => match.exact_match }
      if rule.match_rules[0].path_template_match == "/api/v1/integrations/*/*"
      ] == [
      { ":method" = "PUT" },
      { ":method" = "OPTIONS", "Access-Control-Request-Method" = "PUT" },
      { ":method" = "DELETE" },
      { ":method" = "OPTIONS", "Access-Control-Request-Method" = "DELETE" },
      {},
    ]
    error_message = "PUT is update's, DELETE is delete's, the rest is get's."
  }
}

run "only_https_reaches_a_function" {
  command = plan

  assert {
    condition     = google_compute_url_map.http.default_url_redirect[0].https_redirect
    error_message = "HTTP must be sent to HTTPS."
  }
  assert {
    condition     = google_compute_ssl_policy.modern.min_tls_version == "TLS_1_2"
    error_message = "TLS 1.2 at least."
  }
  assert {
    condition     = alltrue([for service in google_compute_backend_service.function : service.load_balancing_scheme == "EXTERNAL_MANAGED"])
    error_message = "Only this scheme knows path templates."
  }
}

run "decrypt_never_stands_behind_a_public_host" {
  command = plan

  variables {
    services = {
      decrypt  = "integrations-decrypt"
      delete   = "integrations-delete"
      get      = "integrations-get"
      list     = "integrations-list"
      setup    = "integrations-setup"
      update   = "integrations-update"
      validate = "integrations-validate"
    }
  }
  expect_failures = [var.services]
}

run "all_public_functions_are_there" {
  command = plan

  variables {
    services = { list = "integrations-list" }
  }
  expect_failures = [var.services]
}

run "a_domain_is_a_host_name" {
  command = plan

  variables {
    domain = "https://integrations.example.com"
  }
  expect_failures = [var.domain]
}
