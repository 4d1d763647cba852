# Its numeric id stands in customers' trust policies at AWS. Recreated it would have another one, and every role that a
# customer has set up would stop opening.
resource "google_service_account" "identity" {
  project      = var.project
  account_id   = var.account
  display_name = "Integrations: identity towards AWS"
  description  = "Attached to nothing. Its numeric id stands in customers' trust policies: never delete it."

  lifecycle {
    prevent_destroy = true
  }
}
