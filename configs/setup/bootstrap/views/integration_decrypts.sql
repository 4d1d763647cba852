-- Who decrypted what and when, for operators and auditors: every time that a pipeline asked for a credential, those that
-- were denied and those that failed too. Written before the secret leaves; a secret that left has outcome ok.
--
--   happened_at  name a span of it: the table is partitioned by it
--   subject      of the caller's identity token: its service account's numeric id
--   outcome      ok, denied or error; reason_code says why not
--   fingerprint, key_version, cache   of what was handed over; NULL where nothing was
--
--   SELECT happened_at, subject, provider, fingerprint, pipeline, run_id, outcome
--   FROM `organizations.integration_decrypts`
--   WHERE org_slug = 'acme' AND happened_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
--   ORDER BY happened_at
SELECT
  timestamp AS happened_at,
  jsonPayload.audit.actor_id AS subject,
  jsonPayload.audit.org_slug,
  jsonPayload.audit.provider,
  jsonPayload.audit.credential_id,
  jsonPayload.audit.fingerprint,
  jsonPayload.audit.key_version,
  jsonPayload.audit.pipeline,
  jsonPayload.audit.run_id,
  jsonPayload.audit.outcome,
  jsonPayload.audit.reason_code,
  jsonPayload.audit.cache,
  jsonPayload.audit.request_id
FROM `${project}.${audit}.run_googleapis_com_stdout`
WHERE jsonPayload.audit.operation = 'decrypt'
QUALIFY ROW_NUMBER() OVER (PARTITION BY timestamp, jsonPayload.audit.event_id ORDER BY receiveTimestamp) = 1
