output "environment" {
  description = "Function => names of the environment variables that it needs, and no others."
  value = {
    for name, use in var.functions : name => sort(concat(
      ["BIGQUERY_DATASET", "BIGQUERY_LEDGER_DATASET", "BIGQUERY_LOCATION", "GOOGLE_CLOUD_PROJECT"],
      ["INTEGRATIONS_BACKEND", "NODE_COMPILE_CACHE", "NODE_ENV"],
      use.key != "none" ? ["KMS_KEY"] : [],
      contains(use.secrets, "pepper") ? ["INTEGRATIONS_KEY_ENV", "PEPPER_SECRET"] : [],
      contains(use.secrets, "pepper") && var.legacy_keys ? ["LEGACY_KEYS_UNTIL"] : [],
      use.aws || try(use.shows_aws, false) ? ["AWS_FEDERATION_SUBJECT"] : [],
      use.invoker == "everyone" && var.cors ? ["CORS_ORIGINS"] : [],
      use.invoker == "pipelines" ? ["OIDC_AUDIENCE"] : [],
      use.egress == "providers" && var.egress_address ? ["EGRESS_ADDRESS"] : [],
    ))
  }
}

output "grants" {
  description = "Function or duty => { aws, key = roles on the crypto key, secrets, tables = { `<table>/<action>` = { dataset, table, action } } }."
  value = {
    for name, use in merge(var.functions, var.people) : name => {
      aws     = use.aws
      key     = toset(local.key_roles[use.key])
      secrets = toset(use.secrets)
      tables = {
        for right in local.rights[name] :
        "${right.table}/${right.action}" => merge(right, { dataset = local.datasets[right.table] })
      }
    }
  }

  precondition {
    condition     = length(setsubtract(flatten([for rights in values(local.rights) : rights[*].table]), keys(local.datasets))) == 0
    error_message = "A table is named for which there is neither a schema nor a view."
  }
}

output "invokers" {
  description = "Function => { label = IAM member that Cloud Run lets in }."
  value       = { for name, use in var.functions : name => local.invokers[use.invoker] }
}

output "public" {
  description = "Functions that everyone may invoke."
  value       = toset([for name, use in var.functions : name if use.invoker == "everyone"])
}
