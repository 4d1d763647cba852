output "address" {
  description = "The IPv4 address from which providers are called, for customers' allowlists."
  value       = google_compute_address.egress.address
}

output "network" {
  description = "Names of network and subnetwork of the functions, once their way out is open."
  value = {
    network    = google_compute_network.network.name
    subnetwork = google_compute_subnetwork.functions.name
  }
  depends_on = [google_compute_router_nat.nat]
}
