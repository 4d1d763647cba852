# Which bucket is said at init, since stage and prod have one each:
#   terraform init -backend-config=bucket=<project>-terraform
terraform {
  backend "gcs" {
    prefix = "integrations"
  }
}
