# What people may do who work on the backend itself, in the words of configs/functions.yml. An owner of the project needs
# none of this; everyone else should have no more than one of it.
locals {
  duties = {
    # Makes and revokes organisation keys and pipelines' grants: `org-key`, `grant`.
    keys = {
      aws     = false
      key     = "none"
      secrets = ["pepper"]
      tables  = { decrypt_grants = "change", org_keys = "change" }
    }
    # Looks things up. Sees no ciphertext.
    look = {
      aws     = false
      key     = "none"
      secrets = []
      tables  = { for view in setsubtract(local.views, ["org_integration_credentials"]) : view => "read" }
    }
    # Moves stored credentials to the newest version of the key: `rewrap`.
    rewrap = {
      aws     = false
      key     = "rewrap"
      secrets = []
      tables  = { heads = "change", integration_versions = "read", versions = "change" }
    }
  }

  # `<duty> <member>` => who has which duty
  people = merge([
    for duty, members in var.operators : { for member in members : "${duty} ${member}" => { duty = duty, member = member } }
  ]...)

  people_key = merge([
    for label, person in local.people : {
      for role in module.access.grants[person.duty].key : "${label} ${role}" => { role = role, member = person.member }
    }
  ]...)
  people_secrets = merge([
    for label, person in local.people : {
      for secret in module.access.grants[person.duty].secrets : "${label} ${secret}" => person.member
    }
  ]...)
  people_tables = merge([
    for label, person in local.people : {
      for name, right in module.access.grants[person.duty].tables : "${label} ${name}" => merge(right, { member = person.member })
    }
  ]...)
}
