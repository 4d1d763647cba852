# Deployed from the branch main. The project id is given at run: -var project=…
environment   = "stage"
organizations = { create = true }
sweep         = { late_minutes = 400, schedule = "7 */2 * * *" }
sizes = {
  decrypt = { min_instances = 0 }
}
