output "key" {
  description = "Resource name of the key, `projects/<P>/locations/<L>/keyRings/<R>/cryptoKeys/<K>`, once every grant is made."
  # Put together, so that a plan shows it before the key is there.
  value      = "projects/${var.project}/locations/${google_kms_key_ring.ring.location}/keyRings/${google_kms_key_ring.ring.name}/cryptoKeys/${google_kms_crypto_key.key.name}"
  depends_on = [google_kms_crypto_key_iam_member.grant]
}
