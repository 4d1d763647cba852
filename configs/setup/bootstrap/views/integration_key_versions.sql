-- How many secrets each version of the key has sealed and still holds, for operators who rotate it: a version may be
-- destroyed once neither current_secrets nor other_secrets counts any. The same counts as `cloudact-integrations rewrap`.
--
--   key_version       the number as text; NULL for a secret whose row does not say
--   current_secrets   in use, disabled ones too: rewrap moves them to the newest version
--   other_secrets     superseded, deleted or never in effect, and not yet purged: the sweep purges them
--   purged_secrets    gone
--   first_sealed_at, last_sealed_at   the oldest and the newest change that it sealed, purged ones too
--
--   SELECT * FROM `organizations.integration_key_versions` ORDER BY SAFE_CAST(key_version AS INT64)
WITH
  heads AS (
    SELECT org_slug, provider, secret_event_id, op
    FROM `${project}.${integrations}.heads`
    WHERE seq > 0
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider ORDER BY seq DESC) = 1
  ),
  -- What changed no secret names the key version of the one it kept, and is no secret of its own. An insert of unknown
  -- outcome is repeated: a version may stand there twice.
  secrets AS (
    SELECT org_slug, provider, event_id, key_version, encrypted_credential IS NOT NULL AS is_held, changed_at
    FROM `${project}.${integrations}.versions`
    WHERE encrypted_credential IS NOT NULL OR (key_version IS NOT NULL AND op IN ('setup', 'rotate', 'rewrap'))
    QUALIFY ROW_NUMBER() OVER (PARTITION BY org_slug, provider, event_id ORDER BY encrypted_credential IS NULL) = 1
  )
SELECT
  s.key_version,
  COUNTIF(s.is_held AND h.op IS NOT NULL) AS current_secrets,
  COUNTIF(s.is_held AND h.op IS NULL) AS other_secrets,
  COUNTIF(NOT s.is_held) AS purged_secrets,
  MIN(s.changed_at) AS first_sealed_at,
  MAX(s.changed_at) AS last_sealed_at
FROM secrets AS s
LEFT JOIN heads AS h
  ON h.org_slug = s.org_slug AND h.provider = s.provider AND h.secret_event_id = s.event_id AND h.op <> 'delete'
GROUP BY s.key_version
