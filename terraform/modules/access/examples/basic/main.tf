module "access" {
  source = "../.."

  scheduler = "int-scheduler@a-project.iam.gserviceaccount.com"
  tables    = ["heads", "org_keys"]
  views     = []

  functions = {
    list = {
      invoker   = "everyone"
      key       = "none"
      tables    = { heads = "read", org_keys = "read" }
      secrets   = ["pepper"]
      aws       = false
      egress    = "google"
      timeout_s = 30
    }
  }
}

output "grants" {
  value = module.access.grants
}
