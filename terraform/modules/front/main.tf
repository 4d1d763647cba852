locals {
  prefix = "/api/v1/integrations"

  # Which function answers what, first match first: fixed paths before templates. A path that belongs to one function
  # goes there with every method, so that the function itself says 405; /{org}/{provider} belongs to three. `asks` is
  # the method that a browser announces before it sends a cross-origin request.
  routes = [
    { function = "list", path = "/health" },
    { function = "list", path = "/api/v1/providers" },
    { function = "list", path = "${local.prefix}/providers" },
    { function = "list", path = "${local.prefix}/openapi.json" },
    { function = "setup", path = "${local.prefix}/*/import" },
    { function = "setup", path = "${local.prefix}/*/*/setup" },
    { function = "validate", path = "${local.prefix}/*/*/validate" },
    { function = "get", path = "${local.prefix}/*/*/status" },
    { function = "get", path = "${local.prefix}/*/*/history" },
    { function = "get", path = "${local.prefix}/*/*/instructions" },
    { function = "update", path = "${local.prefix}/*/*/rotate" },
    { function = "list", path = "${local.prefix}/*" },
    { function = "update", path = "${local.prefix}/*/*", method = "PUT" },
    { function = "update", path = "${local.prefix}/*/*", method = "OPTIONS", asks = "PUT" },
    { function = "delete", path = "${local.prefix}/*/*", method = "DELETE" },
    { function = "delete", path = "${local.prefix}/*/*", method = "OPTIONS", asks = "DELETE" },
    { function = "get", path = "${local.prefix}/*/*" },
  ]

  # What matches none of them is not part of this host: this function answers 404 as a problem document.
  rest = "list"
}

resource "google_compute_region_network_endpoint_group" "function" {
  for_each = var.services

  project               = var.project
  region                = var.region
  name                  = each.value
  network_endpoint_type = "SERVERLESS"

  cloud_run {
    service = each.value
  }
}

resource "google_compute_backend_service" "function" {
  for_each = var.services

  project               = var.project
  name                  = each.value
  load_balancing_scheme = "EXTERNAL_MANAGED"

  backend {
    group = google_compute_region_network_endpoint_group.function[each.key].id
  }
}

resource "google_compute_url_map" "https" {
  project         = var.project
  name            = "integrations"
  default_service = google_compute_backend_service.function[local.rest].id

  host_rule {
    hosts        = [var.domain]
    path_matcher = "functions"
  }

  path_matcher {
    name            = "functions"
    default_service = google_compute_backend_service.function[local.rest].id

    dynamic "route_rules" {
      for_each = local.routes
      iterator = route
      content {
        priority = route.key + 1
        service  = google_compute_backend_service.function[route.value.function].id

        match_rules {
          full_path_match     = strcontains(route.value.path, "*") ? null : route.value.path
          path_template_match = strcontains(route.value.path, "*") ? route.value.path : null

          dynamic "header_matches" {
            for_each = { for name, value in {
              ":method"                       = try(route.value.method, "")
              "Access-Control-Request-Method" = try(route.value.asks, "")
            } : name => value if value != "" }
            content {
              header_name = header_matches.key
              exact_match = header_matches.value
            }
          }
        }
      }
    }
  }
}

resource "google_compute_url_map" "http" {
  project = var.project
  name    = "integrations-to-https"

  default_url_redirect {
    https_redirect         = true
    redirect_response_code = "PERMANENT_REDIRECT"
    strip_query            = false
  }
}

resource "google_compute_global_address" "front" {
  project = var.project
  name    = "integrations"
}

resource "google_compute_managed_ssl_certificate" "domain" {
  project = var.project
  # Another domain is another certificate, made before the old one goes.
  name = "integrations-${substr(sha256(var.domain), 0, 8)}"

  managed {
    domains = [var.domain]
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "google_compute_ssl_policy" "modern" {
  project         = var.project
  name            = "integrations"
  profile         = "MODERN"
  min_tls_version = "TLS_1_2"
}

resource "google_compute_target_https_proxy" "front" {
  project          = var.project
  name             = "integrations"
  url_map          = google_compute_url_map.https.id
  ssl_certificates = [google_compute_managed_ssl_certificate.domain.id]
  ssl_policy       = google_compute_ssl_policy.modern.id
}

resource "google_compute_target_http_proxy" "front" {
  project = var.project
  name    = "integrations"
  url_map = google_compute_url_map.http.id
}

resource "google_compute_global_forwarding_rule" "https" {
  project               = var.project
  name                  = "integrations-https"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "443"
  target                = google_compute_target_https_proxy.front.id
}

resource "google_compute_global_forwarding_rule" "http" {
  project               = var.project
  name                  = "integrations-http"
  load_balancing_scheme = "EXTERNAL_MANAGED"
  ip_address            = google_compute_global_address.front.id
  port_range            = "80"
  target                = google_compute_target_http_proxy.front.id
}
