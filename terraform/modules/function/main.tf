resource "google_service_account" "account" {
  project      = var.project
  account_id   = "int-${var.name}"
  display_name = "Integrations: ${var.name}"
  description  = "Runs integrations-${var.name} and nothing else."
}

# The hash stands in the object's name, so that a change of code is a change of the function.
resource "google_storage_bucket_object" "source" {
  bucket = var.source_code.bucket
  name   = "${var.name}/${var.source_code.hash}.zip"
  source = var.source_code.zip
}

resource "google_cloudfunctions2_function" "function" {
  project     = var.project
  location    = var.region
  name        = "integrations-${var.name}"
  description = var.description
  labels      = { function = var.name }

  build_config {
    runtime           = "nodejs24"
    entry_point       = var.name
    service_account   = var.build.account
    docker_repository = var.build.repository
    # The artifact is bundled already; what is left to do is its code cache, in the runtime's own image.
    environment_variables = { GOOGLE_NODE_RUN_SCRIPTS = "gcp-build" }

    source {
      storage_source {
        bucket = google_storage_bucket_object.source.bucket
        object = google_storage_bucket_object.source.name
      }
    }
  }

  service_config {
    service_account_email            = google_service_account.account.email
    environment_variables            = var.environment
    timeout_seconds                  = var.timeout_s
    ingress_settings                 = var.ingress
    available_cpu                    = var.size.cpu
    available_memory                 = var.size.memory
    max_instance_request_concurrency = var.size.concurrency
    min_instance_count               = var.size.min_instances
    max_instance_count               = var.size.max_instances
    all_traffic_on_latest_revision   = true
    direct_vpc_egress                = var.network.network == "" ? null : "VPC_EGRESS_ALL_TRAFFIC"

    dynamic "direct_vpc_network_interface" {
      for_each = var.network.network == "" ? [] : [var.network]
      content {
        network    = direct_vpc_network_interface.value.network
        subnetwork = direct_vpc_network_interface.value.subnetwork
      }
    }
  }

  # It never runs without its rights.
  depends_on = [
    google_bigquery_table_iam_member.table,
    google_kms_crypto_key_iam_member.key,
    google_project_iam_member.jobs,
    google_secret_manager_secret_iam_member.secret,
    google_service_account_iam_member.identity,
  ]
}

resource "google_cloud_run_v2_service_iam_member" "invoker" {
  for_each = var.invokers

  project  = var.project
  location = google_cloudfunctions2_function.function.location
  name     = google_cloudfunctions2_function.function.name
  role     = "roles/run.invoker"
  member   = each.value
}
