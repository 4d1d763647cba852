# What is wired to what. Resources are made by the modules; here only the project's services are turned on.
resource "google_project_service" "api" {
  for_each = toset(concat(
    [
      "artifactregistry", "bigquery", "cloudbuild", "cloudfunctions", "cloudkms", "cloudscheduler", "iam",
      "iamcredentials", "logging", "monitoring", "run", "secretmanager", "storage",
    ],
    var.domain != "" || var.static_egress ? ["compute"] : [],
  ))

  project            = var.project
  service            = "${each.key}.googleapis.com"
  disable_on_destroy = false
}

module "keyring" {
  source = "./modules/keyring"

  project          = var.project
  location         = var.region
  protection_level = var.key_protection
  grants           = local.people_key

  depends_on = [google_project_service.api]
}

module "pepper" {
  source = "./modules/secret"

  project = var.project
  secret  = "integrations-pepper"
  grants  = local.people_secrets

  depends_on = [google_project_service.api]
}

module "federation" {
  source = "./modules/federation"

  project = var.project

  depends_on = [google_project_service.api]
}

module "audit" {
  source = "./modules/audit"

  project     = var.project
  location    = var.bigquery_location
  locked_days = var.audit_locked_days
  schema      = "${local.schemas}/audit_log.json"

  depends_on = [google_project_service.api]
}

module "dataset" {
  source = "./modules/dataset"

  project       = var.project
  location      = var.bigquery_location
  audit_dataset = module.audit.dataset
  organizations = var.organizations
  schemas_dir   = local.schemas
  tables        = local.tables
  views         = local.views
  views_dir     = local.sql
  grants        = local.people_tables
  members       = { for label, person in local.people : label => person.member }

  depends_on = [google_project_service.api]
}

module "build" {
  source = "./modules/build"

  project = var.project
  region  = var.region

  depends_on = [google_project_service.api]
}

module "scheduler" {
  source = "./modules/scheduler"

  project   = var.project
  region    = var.region
  paused    = var.sweep.paused
  schedule  = var.sweep.schedule
  shards    = var.sweep.shards
  timeout_s = local.functions.revalidate.timeout_s
  uri       = module.function["revalidate"].uri

  depends_on = [google_project_service.api]
}

module "alerts" {
  source = "./modules/alerts"

  project            = var.project
  channels           = var.notification_channels
  key                = module.keyring.key
  sweep_late_minutes = var.sweep.late_minutes

  depends_on = [google_project_service.api]
}

module "front" {
  source = "./modules/front"
  count  = var.domain == "" ? 0 : 1

  project  = var.project
  region   = var.region
  domain   = var.domain
  services = { for name in module.access.public : name => module.function[name].service }

  depends_on = [google_project_service.api]
}

module "egress" {
  source = "./modules/egress"
  count  = var.static_egress ? 1 : 0

  project = var.project
  region  = var.region

  depends_on = [google_project_service.api]
}
