-- Every change of a credential, without its ciphertext: what functions may read that must not see one, and operators who
-- look for a single change. A version took effect only when a head named it; integration_history shows those alone.
-- Each column is named, so that a new one is shown only when somebody decides so.
--
--   SELECT changed_at, op, seq, changed_by, request_id
--   FROM `organizations.integration_versions`
--   WHERE org_slug = 'acme' AND provider = 'OPENAI'
--   ORDER BY seq, changed_at
SELECT
  event_id,
  prev_event_id,
  org_slug,
  provider,
  seq,
  op,
  credential_id,
  credential_type,
  key_version,
  fingerprint,
  credential_name,
  metadata,
  idempotency_key_hash,
  idempotency_body_hash,
  result,
  request_id,
  changed_at,
  changed_by
FROM `${project}.${integrations}.versions`
