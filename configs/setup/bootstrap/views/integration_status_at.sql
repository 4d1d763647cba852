-- From when until when each integration had which status, for operators who ask what was true at a time. One row per
-- stretch of time in which nothing of it changed; before the first row there was no such integration.
--
--   status       VALID, INVALID, PENDING, EXPIRED; NOT_CONFIGURED once deleted or past its deactivation
--   lifecycle    active, error, pending, expired; disabled, whatever the status; not_configured
--   valid_to     excluded; the end of time for what holds still
--
-- A check counts from when it began. What a rotation said of being enabled is known only of the newest change. Between
-- a scheduled deactivation and the sweep that applies it there is nothing, once something is set up anew no longer.
--
--   SELECT status, lifecycle, credential_id
--   FROM `organizations.integration_status_at`
--   WHERE org_slug = 'acme' AND provider = 'OPENAI'
--     AND valid_from <= TIMESTAMP '2026-08-22 12:00:00+00' AND TIMESTAMP '2026-08-22 12:00:00+00' < valid_to
WITH
  heads AS (
    SELECT org_slug, provider, event_id, op, enabled, deactivation_scheduled_at
    FROM `${project}.${integrations}.heads`
    WHERE seq > 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider ORDER BY seq DESC) = 1
  ),
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
      changed_at
    FROM `${project}.${integrations}.versions`
  ),
  took_effect AS (
    SELECT org_slug, provider, event_id FROM heads
    UNION DISTINCT
    SELECT org_slug, provider, prev_event_id FROM versions WHERE prev_event_id IS NOT NULL
  ),
  -- What brings no new secret leaves the status as it is. Two clocks may differ: seq decides what came first.
  changes AS (
    SELECT
      v.org_slug,
      v.provider,
      TIMESTAMP_MICROS(MAX(UNIX_MICROS(v.changed_at)) OVER (PARTITION BY v.org_slug, v.provider ORDER BY v.seq)) AS happened_at,
      v.seq,
      v.op,
      v.credential_id,
      CASE
        WHEN v.op = 'delete' THEN 'NOT_CONFIGURED'
        WHEN v.op IN ('setup', 'rotate') THEN COALESCE(v.status, 'PENDING')
      END AS status,
      CASE
        WHEN h.event_id IS NOT NULL THEN h.enabled
        WHEN v.op IN ('setup', 'enable') THEN TRUE
        WHEN v.op = 'disable' THEN FALSE
      END AS enabled
    FROM versions AS v
    JOIN took_effect AS e ON e.org_slug = v.org_slug AND e.provider = v.provider AND e.event_id = v.event_id
    LEFT JOIN heads AS h ON h.org_slug = v.org_slug AND h.provider = v.provider AND h.event_id = v.event_id
  ),
  events AS (
    SELECT org_slug, provider, happened_at, 0 AS kind, seq, op, credential_id, status, enabled FROM changes
    UNION ALL
    SELECT org_slug, provider, checked_at, 1, 0, CAST(NULL AS STRING), credential_id, status, CAST(NULL AS BOOL)
    FROM `${project}.${integrations}.validations`
    UNION ALL
    SELECT
      org_slug,
      provider,
      deactivation_scheduled_at,
      2,
      0,
      'deactivation',
      CAST(NULL AS STRING),
      'NOT_CONFIGURED',
      CAST(NULL AS BOOL)
    FROM heads
    WHERE deactivation_scheduled_at <= CURRENT_TIMESTAMP()
  ),
  -- Each change with the checks that came after it and before the next.
  numbered AS (
    SELECT *, COUNTIF(kind <> 1) OVER so_far AS change_no
    FROM events
    WINDOW so_far AS (
      PARTITION BY org_slug, provider
      ORDER BY happened_at, kind, seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
  ),
  found AS (
    SELECT
      *,
      MAX(IF(kind = 1, NULL, op)) OVER (PARTITION BY org_slug, provider, change_no) AS current_op,
      MAX(IF(kind = 1, NULL, credential_id)) OVER (PARTITION BY org_slug, provider, change_no) AS current_id
    FROM numbered
  ),
  -- A check speaks of its own credential only, and only while that one is there: after a deactivation there is none. What
  -- an event does not say is as it was: the last one that said it begins a stretch of its own.
  told AS (
    SELECT
      *,
      COUNT(status) OVER so_far AS status_no,
      COUNT(enabled) OVER so_far AS enabled_no
    FROM found
    WHERE kind <> 1 OR (credential_id = current_id AND current_op <> 'delete')
    WINDOW so_far AS (
      PARTITION BY org_slug, provider
      ORDER BY happened_at, kind, seq
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    )
  ),
  states AS (
    SELECT
      org_slug,
      provider,
      happened_at,
      kind,
      seq,
      IF(current_op = 'delete', NULL, current_id) AS credential_id,
      MAX(status) OVER (PARTITION BY org_slug, provider, status_no) AS status,
      MAX(enabled) OVER (PARTITION BY org_slug, provider, enabled_no) AS enabled
    FROM told
  ),
  -- Of what happened at one time the last counts. A version may stand there twice, since an insert of unknown outcome is
  -- repeated.
  shown AS (
    SELECT
      org_slug,
      provider,
      happened_at,
      credential_id,
      status,
      CASE
        WHEN status = 'NOT_CONFIGURED' THEN 'not_configured'
        WHEN NOT enabled THEN 'disabled'
        WHEN status = 'VALID' THEN 'active'
        WHEN status = 'INVALID' THEN 'error'
        WHEN status = 'EXPIRED' THEN 'expired'
        ELSE 'pending'
      END AS lifecycle
    FROM states
    WHERE TRUE
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, happened_at ORDER BY kind DESC, seq DESC) = 1
  ),
  -- What begins something else than was before.
  compared AS (
    SELECT
      *,
      ROW_NUMBER() OVER in_time = 1
        OR status <> LAG(status) OVER in_time
        OR lifecycle <> LAG(lifecycle) OVER in_time
        OR credential_id IS DISTINCT FROM LAG(credential_id) OVER in_time AS is_new
    FROM shown
    WINDOW in_time AS (PARTITION BY org_slug, provider ORDER BY happened_at)
  )
SELECT
  org_slug,
  provider,
  credential_id,
  status,
  lifecycle,
  happened_at AS valid_from,
  COALESCE(
    LEAD(happened_at) OVER (PARTITION BY org_slug, provider ORDER BY happened_at),
    TIMESTAMP '9999-12-31 23:59:59.999999+00'
  ) AS valid_to
FROM compared
WHERE is_new
