# The secret and who may read it. Its value is added by hand, so that no state file ever holds one.
resource "google_secret_manager_secret" "secret" {
  project             = var.project
  secret_id           = var.secret
  deletion_policy     = "PREVENT"
  deletion_protection = true
  # A version destroyed by mistake can be brought back for a week.
  version_destroy_ttl = "604800s"

  replication {
    auto {}
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_secret_manager_secret_iam_member" "grant" {
  for_each = var.grants

  project   = var.project
  secret_id = google_secret_manager_secret.secret.secret_id
  role      = "roles/secretmanager.secretAccessor"
  member    = each.value
}
