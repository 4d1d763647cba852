-- The credentials of every organisation: the one in use or last in use for each provider, and the earlier ones with
-- is_active false. For people who look something up, and for whatever has queried the table of this name so far.
-- One row per credential: a new name or new settings change its row, a new secret makes another one. Of what was never
-- in effect nothing is shown. encrypted_credential is NULL once purged, and for what never had a secret.
--
--   current    as stored now; is_active is false where disabled, deleted or past its deactivation
--   earlier    validation_status, last_checked_at, error_code as the last check left them; where there was none, or none
--              in the last 400 days, as stored with the credential. Dates of the current state alone are NULL
--   created_at when this credential was stored; updated_at of an earlier one: when it went out of use
--
--   SELECT provider, credential_name, validation_status, last_validated_at, is_active
--   FROM `organizations.org_integration_credentials`
--   WHERE org_slug = 'acme'
--   ORDER BY provider, created_at DESC
WITH
  heads AS (
    SELECT *
    FROM `${project}.${integrations}.heads`
    WHERE seq > 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider ORDER BY seq DESC) = 1
  ),
  -- An insert of unknown outcome is repeated: a version may stand there twice.
  versions AS (
    SELECT *
    FROM `${project}.${integrations}.versions`
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, event_id ORDER BY encrypted_credential IS NULL) = 1
  ),
  took_effect AS (
    SELECT org_slug, provider, event_id FROM heads
    UNION DISTINCT
    SELECT org_slug, provider, prev_event_id FROM versions WHERE prev_event_id IS NOT NULL
  ),
  -- Each effective change, with what is known of its credential up to then and of the change after it.
  changes AS (
    SELECT
      v.org_slug,
      v.provider,
      v.seq,
      v.op,
      v.event_id,
      v.prev_event_id,
      v.credential_id,
      v.credential_type,
      v.key_version,
      v.fingerprint,
      v.credential_name,
      v.metadata,
      v.changed_at,
      v.encrypted_credential,
      FIRST_VALUE(v.prev_event_id) OVER so_far AS made_after,
      FIRST_VALUE(v.changed_at) OVER so_far AS made_at,
      FIRST_VALUE(v.changed_by) OVER so_far AS made_by,
      FIRST_VALUE(JSON_VALUE(v.result, '$.body.validation_status')) OVER so_far AS made_status,
      LEAD(v.changed_at) OVER (PARTITION BY v.org_slug, v.provider ORDER BY v.seq) AS next_changed_at
    FROM versions AS v
    JOIN took_effect AS e ON e.org_slug = v.org_slug AND e.provider = v.provider AND e.event_id = v.event_id
    WHERE TRUE
    WINDOW so_far AS (
      PARTITION BY v.org_slug, v.provider, v.credential_id
      ORDER BY v.seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
  ),
  credentials AS (
    SELECT *
    FROM changes
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, credential_id ORDER BY seq DESC) = 1
  ),
  -- What sealed a secret holds it, until it is purged; a rename holds none.
  sealed AS (
    SELECT org_slug, provider, credential_id, encrypted_credential
    FROM changes
    WHERE encrypted_credential IS NOT NULL
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, credential_id ORDER BY seq DESC) = 1
  ),
  checks AS (
    SELECT
      org_slug,
      provider,
      credential_id,
      checked_at,
      status,
      error_code,
      verdict,
      MAX(IF(outcome = 'valid', checked_at, NULL)) OVER (PARTITION BY org_slug, provider, credential_id) AS last_valid_at
    FROM `${project}.${integrations}.validations`
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, credential_id ORDER BY checked_at DESC, event_id DESC) = 1
  )
SELECT
  h.credential_id,
  h.org_slug,
  h.provider,
  h.credential_type,
  v.encrypted_credential,
  h.key_version,
  h.fingerprint,
  h.credential_name,
  h.validation_status,
  h.last_validated_at,
  h.last_checked_at,
  h.error_code,
  IF(h.error_code IS NULL, NULL, JSON_VALUE(h.verdict, '$.message')) AS error_message,
  h.enabled
    AND h.op <> 'delete'
    AND (h.deactivation_scheduled_at IS NULL OR h.deactivation_scheduled_at > CURRENT_TIMESTAMP()) AS is_active,
  h.metadata,
  h.expires_at,
  h.deactivation_scheduled_at,
  IF(c.made_after IS NULL, h.created_at, c.made_at) AS created_at,
  h.updated_at,
  h.created_by
FROM heads AS h
LEFT JOIN versions AS v ON v.org_slug = h.org_slug AND v.provider = h.provider AND v.event_id = h.secret_event_id
LEFT JOIN credentials AS c ON c.org_slug = h.org_slug AND c.provider = h.provider AND c.credential_id = h.credential_id
UNION ALL
SELECT
  c.credential_id,
  c.org_slug,
  c.provider,
  c.credential_type,
  s.encrypted_credential,
  c.key_version,
  c.fingerprint,
  c.credential_name,
  COALESCE(k.status, c.made_status, 'PENDING') AS validation_status,
  COALESCE(k.last_valid_at, IF(c.made_status = 'VALID', c.made_at, NULL)) AS last_validated_at,
  COALESCE(k.checked_at, IF(c.made_status = 'VALID', c.made_at, NULL)) AS last_checked_at,
  k.error_code,
  IF(k.error_code IS NULL, NULL, JSON_VALUE(k.verdict, '$.message')) AS error_message,
  FALSE AS is_active,
  c.metadata,
  CAST(NULL AS TIMESTAMP) AS expires_at,
  CAST(NULL AS TIMESTAMP) AS deactivation_scheduled_at,
  c.made_at AS created_at,
  IF(c.op = 'delete', c.changed_at, COALESCE(c.next_changed_at, c.changed_at)) AS updated_at,
  c.made_by AS created_by
FROM credentials AS c
JOIN heads AS h ON h.org_slug = c.org_slug AND h.provider = c.provider AND h.credential_id <> c.credential_id
LEFT JOIN sealed AS s ON s.org_slug = c.org_slug AND s.provider = c.provider AND s.credential_id = c.credential_id
LEFT JOIN checks AS k ON k.org_slug = c.org_slug AND k.provider = c.provider AND k.credential_id = c.credential_id
