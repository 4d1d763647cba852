output "name" {
  description = "Resource name, `projects/<P>/secrets/<S>`, once every grant is made."
  # Not the resource's own name, which holds the project's number instead of its id.
  value      = "projects/${var.project}/secrets/${google_secret_manager_secret.secret.secret_id}"
  depends_on = [google_secret_manager_secret_iam_member.grant]
}
