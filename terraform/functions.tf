locals {
  configs   = "${path.root}/../configs"
  functions = yamldecode(file("${local.configs}/functions.yml")).functions
  schemas   = "${local.configs}/setup/bootstrap/schemas"
  sql       = "${local.configs}/setup/bootstrap/views"
  # audit_log describes what the audit sink writes, which is a table of its own dataset.
  tables = toset([for file in fileset(local.schemas, "*.json") : trimsuffix(file, ".json") if file != "audit_log.json"])
  views  = toset([for file in fileset(local.sql, "*.sql") : trimsuffix(file, ".sql")])

  # Every variable that a function may be given. Which of them it is given, module.access says.
  environment = {
    AWS_FEDERATION_SUBJECT  = module.federation.subject
    BIGQUERY_DATASET        = module.dataset.organizations
    BIGQUERY_LEDGER_DATASET = module.dataset.dataset
    BIGQUERY_LOCATION       = var.bigquery_location
    CORS_ORIGINS            = join(",", var.cors_origins)
    EGRESS_ADDRESS          = var.static_egress ? module.egress[0].address : ""
    GOOGLE_CLOUD_PROJECT    = var.project
    INTEGRATIONS_BACKEND    = "gcp"
    INTEGRATIONS_KEY_ENV    = var.environment == "prod" ? "live" : "test"
    KMS_KEY                 = module.keyring.key
    LEGACY_KEYS_UNTIL       = var.legacy_keys_until
    NODE_COMPILE_CACHE      = "/workspace/.compile-cache"
    NODE_ENV                = "production"
    OIDC_AUDIENCE           = var.oidc_audience
    PEPPER_SECRET           = module.pepper.name
  }

  ingress = {
    everyone  = var.domain == "" ? "ALLOW_ALL" : "ALLOW_INTERNAL_AND_GCLB"
    pipelines = var.decrypt_ingress
    scheduler = "ALLOW_INTERNAL_ONLY"
  }

  descriptions = {
    setup      = "Proves a credential, seals it and stores it."
    validate   = "Asks the provider whether the stored credential works."
    list       = "All integrations of an organisation; the registry's public face."
    get        = "One integration, never its secret."
    update     = "Changes what is stored, the credential included."
    delete     = "Deletes an integration, now or at a time."
    decrypt    = "Hands a credential to a pipeline that has a grant."
    revalidate = "Checks what is due, announces expiries, purges."
  }
}

module "access" {
  source = "./modules/access"

  cors           = length(var.cors_origins) > 0
  egress_address = var.static_egress
  functions      = local.functions
  legacy_keys    = var.legacy_keys_until != ""
  people         = local.duties
  pipelines      = var.pipelines
  scheduler      = module.scheduler.email
  tables         = local.tables
  views          = local.views
}

# `npm run build` has made them.
data "archive_file" "artifact" {
  for_each = local.functions

  type        = "zip"
  source_dir  = "${path.root}/../dist/${each.key}"
  output_path = "${path.root}/.artifacts/${each.key}.zip"
}

module "function" {
  source   = "./modules/function"
  for_each = local.functions

  project     = var.project
  region      = var.region
  name        = each.key
  description = local.descriptions[each.key]
  environment = { for name in module.access.environment[each.key] : name => local.environment[name] }
  ingress     = local.ingress[each.value.invoker]
  invokers    = module.access.invokers[each.key]
  size = merge(
    { min_instances = try(each.value.min_instances, 0) },
    { for name, value in try(var.sizes[each.key], {}) : name => value if value != null },
  )
  network   = var.static_egress && each.value.egress == "providers" ? module.egress[0].network : { network = "", subnetwork = "" }
  timeout_s = each.value.timeout_s

  build = {
    account    = module.build.account
    repository = module.build.repository
  }

  grants = {
    identities = module.access.grants[each.key].aws ? { aws = module.federation.name } : {}
    key        = module.keyring.key
    key_roles  = module.access.grants[each.key].key
    secrets    = { for secret in module.access.grants[each.key].secrets : secret => { pepper = module.pepper.name }[secret] }
    tables = {
      for label, right in module.access.grants[each.key].tables : label => {
        dataset = { integrations = module.dataset.dataset, organizations = module.dataset.organizations }[right.dataset]
        table   = right.table
        role    = module.dataset.roles[right.action]
      }
    }
  }

  source_code = {
    bucket = module.build.bucket
    hash   = data.archive_file.artifact[each.key].output_md5
    zip    = data.archive_file.artifact[each.key].output_path
  }

  depends_on = [google_project_service.api]
}
