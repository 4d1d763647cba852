output "address" {
  description = "The IPv4 address for the domain's A record."
  value       = google_compute_global_address.front.address
}

output "url" {
  description = "The one base URL, `https://<domain>/api/v1/integrations`."
  value       = "https://${var.domain}${local.prefix}"
}
