-- What has happened to each integration, for operators: every change that took effect and every check that changed the
-- status; who did it, and by which request. The same lines as GET /{org}/{provider}/history, with request_id and seq.
-- Checks are kept for 400 days, changes for ever. A view has no order of its own: ask for it.
--
--   type   setup, rotate, update, disable, enable, schedule, delete, rewrap; check for a status that a check changed
--   status of a change: as answered then, NULL where nothing was said of it; of a check: the status after it
--   actor  key id, operator or scheduler
--
--   SELECT happened_at, type, status, key_version, fingerprint, actor, request_id
--   FROM `organizations.integration_history`
--   WHERE org_slug = 'acme' AND provider = 'OPENAI'
--   ORDER BY happened_at, seq
WITH
  -- An insert of unknown outcome is repeated: a version may stand there twice.
  versions AS (
    SELECT
      org_slug,
      provider,
      seq,
      event_id,
      prev_event_id,
      op,
      credential_id,
      JSON_VALUE(result, '$.body.validation_status') AS status,
      key_version,
      fingerprint,
      changed_at,
      changed_by,
      request_id
    FROM `${project}.${integrations}.versions`
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, event_id ORDER BY changed_at) = 1
  ),
  took_effect AS (
    SELECT org_slug, provider, event_id FROM `${project}.${integrations}.heads` WHERE seq > 0
    UNION DISTINCT
    SELECT org_slug, provider, prev_event_id FROM versions WHERE prev_event_id IS NOT NULL
  ),
  changes AS (
    SELECT v.*
    FROM versions AS v
    JOIN took_effect AS e ON e.org_slug = v.org_slug AND e.provider = v.provider AND e.event_id = v.event_id
  ),
  -- What each credential began with.
  made AS (
    SELECT org_slug, provider, credential_id, status
    FROM changes
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, credential_id ORDER BY seq) = 1
  ),
  checks AS (
    SELECT
      org_slug,
      provider,
      credential_id,
      checked_at,
      status,
      checked_by,
      LAG(status) OVER (PARTITION BY org_slug, provider, credential_id ORDER BY checked_at, event_id) AS status_before
    FROM `${project}.${integrations}.validations`
  )
SELECT
  org_slug,
  provider,
  changed_at AS happened_at,
  op AS type,
  status,
  credential_id,
  seq,
  key_version,
  fingerprint,
  changed_by AS actor,
  request_id
FROM changes
UNION ALL
SELECT
  k.org_slug,
  k.provider,
  k.checked_at AS happened_at,
  'check' AS type,
  k.status,
  k.credential_id,
  CAST(NULL AS INT64) AS seq,
  CAST(NULL AS STRING) AS key_version,
  CAST(NULL AS STRING) AS fingerprint,
  k.checked_by AS actor,
  CAST(NULL AS STRING) AS request_id
FROM checks AS k
LEFT JOIN made AS m ON m.org_slug = k.org_slug AND m.provider = k.provider AND m.credential_id = k.credential_id
WHERE k.status IS DISTINCT FROM COALESCE(k.status_before, m.status)
