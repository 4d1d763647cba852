# A key ring cannot be deleted, and a key whose versions are gone makes every stored credential unreadable.
resource "google_kms_key_ring" "ring" {
  project  = var.project
  location = var.location
  name     = var.key_ring

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key" "key" {
  key_ring                   = google_kms_key_ring.ring.id
  name                       = var.key
  purpose                    = "ENCRYPT_DECRYPT"
  rotation_period            = "${var.rotation_days * 86400}s"
  destroy_scheduled_duration = "${var.destroy_after_days * 86400}s"
  deletion_policy            = "PREVENT"

  version_template {
    algorithm        = "GOOGLE_SYMMETRIC_ENCRYPTION"
    protection_level = var.protection_level
  }

  lifecycle {
    prevent_destroy = true
  }
}

resource "google_kms_crypto_key_iam_member" "grant" {
  for_each = var.grants

  crypto_key_id = google_kms_crypto_key.key.id
  role          = each.value.role
  member        = each.value.member
}
