-- Who asked for what and what became of it: one row per operation, allowed or denied, for operators and auditors. Written
-- before the answer leaves; holds identifiers only, never a value. A log sink may write a record twice: it is shown once.
--
--   happened_at  name a span of it: the table is partitioned by it
--   actor_id     key id of an organisation's key, subject of a token, or operator; NULL where nobody was recognised
--   decision     allow or deny; outcome ok, denied or error; status as answered, 0 for work without a request
--   target_id    the key, the grant or the subject that an operator acted on
--   seq          counts the records of one process: a number that is missing is a record that was lost
--
--   SELECT happened_at, operation, outcome, reason_code, actor_type, actor_id, provider, request_id
--   FROM `organizations.integration_audit`
--   WHERE org_slug = 'acme' AND happened_at >= TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 7 DAY)
--   ORDER BY happened_at
SELECT
  timestamp AS happened_at,
  jsonPayload.audit.operation,
  jsonPayload.audit.decision,
  jsonPayload.audit.outcome,
  CAST(jsonPayload.audit.status AS INT64) AS status,
  jsonPayload.audit.reason_code,
  jsonPayload.audit.actor_type,
  jsonPayload.audit.actor_id,
  jsonPayload.audit.org_slug,
  jsonPayload.audit.provider,
  jsonPayload.audit.credential_id,
  jsonPayload.audit.target_id,
  jsonPayload.audit.fingerprint,
  jsonPayload.audit.key_version,
  jsonPayload.audit.cache,
  jsonPayload.audit.pipeline,
  jsonPayload.audit.run_id,
  jsonPayload.audit.service,
  jsonPayload.audit.request_id,
  jsonPayload.audit.event_id,
  CAST(jsonPayload.audit.seq AS INT64) AS seq
FROM `${project}.${audit}.run_googleapis_com_stdout`
WHERE jsonPayload.audit.event_id IS NOT NULL
QUALIFY ROW_NUMBER() OVER (PARTITION BY timestamp, jsonPayload.audit.event_id ORDER BY receiveTimestamp) = 1
