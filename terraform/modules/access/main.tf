/*
 * What configs/functions.yml says, put in the words of Google Cloud. Pure: no provider, no resource, so its tests run
 * anywhere and one look at the tables below tells who may do what.
 */

locals {
  # What `key` means on the one key that seals credentials. `rewrap` is for people: a function either seals or opens.
  key_roles = {
    encrypt = ["roles/cloudkms.cryptoKeyEncrypter"]
    decrypt = ["roles/cloudkms.cryptoKeyDecrypter"]
    rewrap  = ["roles/cloudkms.cryptoKeyDecrypter", "roles/cloudkms.cryptoKeyEncrypter"]
    none    = []
  }

  # Who Cloud Run lets in before the function looks at a key or token itself.
  invokers = {
    everyone  = { everyone = "allUsers" }
    pipelines = { for email in var.pipelines : email => "serviceAccount:${email}" }
    scheduler = { scheduler = "serviceAccount:${var.scheduler}" }
  }

  # Whoever verifies organisation keys looks older ones up in the table that held them, and adds them to ours.
  legacy = { org_api_keys = "read", org_keys = "append" }

  # table => the dataset that it is in
  datasets = merge(
    { for table in var.tables : table => "integrations" },
    { for view in var.views : view => "organizations" },
    { org_api_keys = "organizations" },
  )

  # Every right on a table as one line; the same table may be named twice, once to read and once to append.
  rights = merge(
    {
      for name, use in merge(var.functions, var.people) :
      name => [for table, action in use.tables : { table = table, action = action }]
    },
    {
      for name, use in var.functions :
      name => distinct(concat(
        [for table, action in use.tables : { table = table, action = action }],
        [for table, action in local.legacy : { table = table, action = action }],
      )) if var.legacy_keys && contains(use.secrets, "pepper")
    },
  )
}
