# One address that customers can allow. Google's own services are reached without leaving its network.
resource "google_compute_network" "network" {
  project                 = var.project
  name                    = "integrations"
  description             = "The way out of the functions that call providers."
  auto_create_subnetworks = false
}

resource "google_compute_subnetwork" "functions" {
  project                  = var.project
  region                   = var.region
  name                     = "integrations-functions"
  network                  = google_compute_network.network.id
  ip_cidr_range            = var.range
  private_ip_google_access = true
}

resource "google_compute_address" "egress" {
  project     = var.project
  region      = var.region
  name        = "integrations-egress"
  description = "Stands in customers' allowlists: never release it."

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_compute_router" "router" {
  project = var.project
  region  = var.region
  name    = "integrations"
  network = google_compute_network.network.id
}

resource "google_compute_router_nat" "nat" {
  project                             = var.project
  region                              = var.region
  name                                = "integrations"
  router                              = google_compute_router.router.name
  nat_ip_allocate_option              = "MANUAL_ONLY"
  nat_ips                             = [google_compute_address.egress.self_link]
  source_subnetwork_ip_ranges_to_nat  = "LIST_OF_SUBNETWORKS"
  enable_dynamic_port_allocation      = true
  min_ports_per_vm                    = 64
  max_ports_per_vm                    = 4096
  enable_endpoint_independent_mapping = false

  subnetwork {
    name                    = google_compute_subnetwork.functions.id
    source_ip_ranges_to_nat = ["ALL_IP_RANGES"]
  }

  log_config {
    enable = true
    filter = "ERRORS_ONLY"
  }
}
