# Where sources lie, where images go, and who builds. The builder can do nothing else.
resource "google_storage_bucket" "sources" {
  project                     = var.project
  name                        = "${var.project}-integrations-sources"
  location                    = var.region
  uniform_bucket_level_access = true
  public_access_prevention    = "enforced"
  force_destroy               = true

  versioning {
    enabled = false
  }

  soft_delete_policy {
    retention_duration_seconds = 0
  }
}

resource "google_artifact_registry_repository" "images" {
  project       = var.project
  location      = var.region
  repository_id = "integrations"
  description   = "Images of the integrations functions, built by Cloud Functions."
  format        = "DOCKER"

  # Cloud Run keeps the image of what is deployed; older ones are only for going back.
  cleanup_policies {
    id     = "keep-the-last-ten"
    action = "KEEP"
    most_recent_versions {
      keep_count = 10
    }
  }
  cleanup_policies {
    id     = "delete-after-ninety-days"
    action = "DELETE"
    condition {
      older_than = "7776000s"
    }
  }
}

resource "google_service_account" "builder" {
  project      = var.project
  account_id   = "int-build"
  display_name = "Integrations: builder"
  description  = "Builds the functions' images. Runs no function."
}

resource "google_project_iam_member" "logs" {
  project = var.project
  role    = "roles/logging.logWriter"
  member  = google_service_account.builder.member
}

resource "google_artifact_registry_repository_iam_member" "images" {
  project    = var.project
  location   = google_artifact_registry_repository.images.location
  repository = google_artifact_registry_repository.images.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.builder.member
}

# Cloud Functions copies a source into a bucket of its own before it is built, whose name begins like this.
resource "google_project_iam_member" "sources" {
  project = var.project
  role    = "roles/storage.objectViewer"
  member  = google_service_account.builder.member

  condition {
    title       = "sources of functions"
    description = "The bucket of ours and the one that Cloud Functions copies to."
    expression  = "resource.name.startsWith(\"projects/_/buckets/gcf-v2-sources-\") || resource.name.startsWith(\"projects/_/buckets/${google_storage_bucket.sources.name}\")"
  }
}
