# Everything that the function may do. Members are added, never lists replaced: others share the key and the tables.
resource "google_kms_crypto_key_iam_member" "key" {
  for_each = var.grants.key_roles

  crypto_key_id = var.grants.key
  role          = each.key
  member        = google_service_account.account.member
}

resource "google_bigquery_table_iam_member" "table" {
  for_each = var.grants.tables

  project    = var.project
  dataset_id = each.value.dataset
  table_id   = each.value.table
  role       = each.value.role
  member     = google_service_account.account.member
}

# To run a query is a right of the project; what it may read is decided above.
resource "google_project_iam_member" "jobs" {
  count = length(var.grants.tables) > 0 ? 1 : 0

  project = var.project
  role    = "roles/bigquery.jobUser"
  member  = google_service_account.account.member
}

resource "google_secret_manager_secret_iam_member" "secret" {
  for_each = var.grants.secrets

  secret_id = each.value
  role      = "roles/secretmanager.secretAccessor"
  member    = google_service_account.account.member
}

resource "google_service_account_iam_member" "identity" {
  for_each = var.grants.identities

  service_account_id = each.value
  role               = "roles/iam.serviceAccountOpenIdTokenCreator"
  member             = google_service_account.account.member
}
