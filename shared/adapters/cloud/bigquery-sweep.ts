import type { CredentialStore } from "../../ports/credential-store.ts";
import { dayBefore, type OnCorrupt, readEach, recordedColumns, takenColumns } from "../stored/changes.ts";
import { readDuePage } from "../stored/pages.ts";
import { encodeTime, readHeadRow, text, validationColumns } from "../stored/rows.ts";
import { type BigQueryDatabase, BULK } from "./bigquery-database.ts";
import {
  effectiveEvents,
  HEAD,
  insertSql,
  latestHeads,
  rowsGiven,
  type Tables,
  withCiphertext,
} from "./bigquery-tables.ts";
import { eachOnce, jsonRows } from "./bigquery-values.ts";

type Sweep = Pick<
  CredentialStore,
  | "readDue"
  | "appendValidations"
  | "recordChecks"
  | "readTaken"
  | "markReported"
  | "readDueDeactivations"
  | "purgeDeleted"
  | "purgeSuperseded"
>;

/** What the sweep, a check and a pipeline's report send, by name. */
export function sweepStatements(tables: Tables) {
  return {
    read_due: readDue(tables),
    append_validations: insertSql(tables.validations, validationColumns),
    record_checks: recordChecks(tables),
    // The start of the attempt names the check: no count of changed rows tells a repetition from one that came too late.
    read_taken: `SELECT DISTINCT h.credential_id FROM ${tables.heads} AS h JOIN (${rowsGiven(takenColumns)}) AS r
  ON h.credential_id = r.credential_id AND h.last_checked_at = r.checked_at
WHERE h.seq > 0`,
    // What is known to be dead is not asked about again: a report of it says nothing new.
    mark_reported: `UPDATE ${tables.heads} SET reported_at = TIMESTAMP(@reported_at), next_due_at = TIMESTAMP(@reported_at)
WHERE credential_id = @credential_id AND reported_at IS NULL AND seq > 0 AND op <> 'delete'
  AND validation_status IN ('VALID', 'PENDING')`,
    read_due_deactivations: `WITH latest AS (
  ${latestHeads(tables, "(@org = '' OR h.org_slug = @org) AND h.seq > 0")}
)
SELECT ${HEAD} FROM latest AS h WHERE h.deactivation_scheduled_at <= TIMESTAMP(@now) AND h.op <> 'delete'
ORDER BY h.deactivation_scheduled_at, h.org_slug, h.provider LIMIT @limit`,
    purge_deleted: `UPDATE ${tables.versions} AS v SET encrypted_credential = NULL
FROM (
  SELECT org_slug, provider, seq FROM (${latestHeads(tables, "h.seq > 0")}) WHERE op = 'delete'
) AS h
WHERE v.org_slug = h.org_slug AND v.provider = h.provider AND v.seq <= h.seq AND v.encrypted_credential IS NOT NULL`,
    purge_superseded: purgeSuperseded(tables),
  };
}

/** Shards only have to agree with themselves: the first 32 bits of a hash spread the credentials evenly. */
const SHARD = "MOD(CAST(CONCAT('0x', SUBSTR(TO_HEX(MD5(h.credential_id)), 1, 8)) AS INT64), @shards)";

/** Reported ones first, then by how long they have been due. Times are compared as the cursor writes them. */
function readDue(tables: Tables): string {
  return `WITH latest AS (
  ${latestHeads(tables, "(@org = '' OR h.org_slug = @org) AND h.seq > 0")}
), eligible AS (
  SELECT h.*, IF(h.reported_at IS NULL, 1, 0) AS later, TIMESTAMP_TRUNC(h.next_due_at, MILLISECOND) AS due_at FROM latest AS h
  WHERE h.next_due_at IS NOT NULL AND h.op <> 'delete' AND h.enabled
    AND (h.deactivation_scheduled_at IS NULL OR h.deactivation_scheduled_at > TIMESTAMP(@now))
    AND ${SHARD} = @shard
), page AS (
  SELECT *, 1 AS one FROM eligible
  WHERE due_at <= TIMESTAMP(@now) AND (later > @after_later OR (later = @after_later
    AND (due_at > TIMESTAMP(@after_due_at) OR (due_at = TIMESTAMP(@after_due_at) AND credential_id > @after_id))))
  ORDER BY later, due_at, credential_id LIMIT @limit
), totals AS (
  SELECT 1 AS one, COUNTIF(due_at <= TIMESTAMP(@now)) AS due_total,
    MIN(IF(due_at > TIMESTAMP(@now), due_at, NULL)) AS rest_due_at
  FROM eligible
), ${withCiphertext(tables)}
SELECT t.due_total, t.rest_due_at, ${HEAD}, h.encrypted_credential
FROM totals AS t LEFT JOIN sealed AS h ON h.one = t.one
ORDER BY h.later, h.due_at, h.credential_id`;
}

/**
 * Keyed on the credential: a late result cannot touch a newer one. A report that came after the attempt began stays,
 * and with it the time at which the credential is due. A change that came meanwhile is not undone: the expiry goes by
 * what is declared now, and the due time is the earlier of both, save where a refusal ends the asking.
 */
function recordChecks({ heads }: Tables): string {
  return `UPDATE ${heads} AS h SET
  validation_status = COALESCE(r.status, h.validation_status),
  last_validated_at = IF(r.status = 'VALID', r.checked_at, h.last_validated_at),
  last_checked_at = r.checked_at,
  error_code = r.error_code,
  verdict = r.verdict,
  consecutive_failures = IF(r.failed, h.consecutive_failures + 1, 0),
  next_due_at = CASE
    WHEN h.reported_at >= r.checked_at THEN h.next_due_at
    WHEN h.seq = r.seq OR (r.next_due_at IS NULL AND r.status IN ('INVALID', 'EXPIRED')) THEN r.next_due_at
    ELSE ${earlier("h.next_due_at", "r.next_due_at")} END,
  reported_at = IF(r.status IS NOT NULL AND h.reported_at < r.checked_at, NULL, h.reported_at),
  expires_at = ${earlier("h.expires_at_declared", "r.discovered_expires_at")},
  notified_days = IF(h.seq = r.seq, r.notified_days, h.notified_days)
FROM (${rowsGiven(recordedColumns)}) AS r
WHERE h.credential_id = r.credential_id AND h.org_slug = r.org_slug AND h.provider = r.provider AND h.seq > 0
  AND (h.last_checked_at IS NULL OR h.last_checked_at < r.checked_at)`;
}

/** The earlier of two times, where NULL is never: `LEAST` of one NULL is NULL in BigQuery, and in other judges is not. */
function earlier(left: string, right: string): string {
  return `CASE WHEN ${left} < ${right} THEN ${left} ELSE COALESCE(${right}, ${left}) END`;
}

/**
 * A secret is superseded by the first effective version after it that brought another credential, sealed the same one
 * anew or deleted it; a change of name in between supersedes nothing. A version without effect has its own day: it may
 * belong to a change that is still running.
 */
function purgeSuperseded(tables: Tables): string {
  return `UPDATE ${tables.versions} AS v SET encrypted_credential = NULL
FROM (
  WITH effective AS (
    ${effectiveEvents(tables, tables.versions, "TRUE")}
  ), sealed AS (
    SELECT DISTINCT s.org_slug, s.provider, s.event_id, s.seq, s.credential_id, s.changed_at, e.event_id IS NOT NULL AS is_effective
    FROM ${tables.versions} AS s
    LEFT JOIN effective AS e ON e.org_slug = s.org_slug AND e.provider = s.provider AND e.event_id = s.event_id
    LEFT JOIN ${tables.heads} AS h ON h.org_slug = s.org_slug AND h.provider = s.provider AND h.secret_event_id = s.event_id
    WHERE s.encrypted_credential IS NOT NULL AND h.secret_event_id IS NULL
  ), superseding AS (
    SELECT n.org_slug, n.provider, n.seq, n.credential_id, n.op FROM ${tables.versions} AS n
    JOIN effective AS e ON e.org_slug = n.org_slug AND e.provider = n.provider AND e.event_id = n.event_id
    WHERE n.changed_at <= TIMESTAMP(@cutoff)
  )
  SELECT s.org_slug, s.provider, s.event_id FROM sealed AS s
  JOIN superseding AS n ON n.org_slug = s.org_slug AND n.provider = s.provider
  WHERE s.is_effective AND n.seq > s.seq AND (n.credential_id <> s.credential_id OR n.op IN ('rewrap', 'delete'))
  UNION DISTINCT
  SELECT org_slug, provider, event_id FROM sealed WHERE NOT is_effective AND changed_at <= TIMESTAMP(@cutoff)
) AS gone
WHERE v.org_slug = gone.org_slug AND v.provider = gone.provider AND v.event_id = gone.event_id
  AND v.encrypted_credential IS NOT NULL`;
}

/** What the sweep, a check and a pipeline's report need of the store. */
export function bigquerySweep(database: BigQueryDatabase, tables: Tables, onCorrupt: OnCorrupt): Sweep {
  const sql = sweepStatements(tables);
  return {
    async readDue({ now, limit, org, shard, after }) {
      const parameters = {
        now: encodeTime(now),
        limit,
        org: org ?? "",
        shards: shard?.count ?? 1,
        shard: shard?.index ?? 0,
        after_later: after === null ? -1 : after.reported ? 0 : 1,
        after_due_at: after?.next_due_at ?? encodeTime(now),
        after_id: after?.credential_id ?? "",
      };
      const rows = await database.all("read_due", sql.read_due, parameters, BULK);
      return readDuePage(rows, limit, onCorrupt);
    },
    async appendValidations(rows) {
      if (rows.length === 0) return;
      const parameters = { rows: jsonRows(validationColumns, rows) };
      await database.change("append_validations", sql.append_validations, parameters, patienceFor(rows));
    },
    async recordChecks(rows) {
      if (rows.length === 0) return 0;
      const parameters = {
        rows: jsonRows(
          recordedColumns,
          eachOnce(rows, ({ credential_id }) => credential_id),
        ),
      };
      return await database.change("record_checks", sql.record_checks, parameters, patienceFor(rows));
    },
    async readTaken(rows) {
      if (rows.length === 0) return [];
      const found = await database.all("read_taken", sql.read_taken, { rows: jsonRows(takenColumns, rows) });
      return found.map((row) => text(row, "credential_id"));
    },
    async markReported(credentialId, at) {
      const parameters = { credential_id: credentialId, reported_at: encodeTime(at) };
      return await database.decide("mark_reported", sql.mark_reported, parameters);
    },
    async readDueDeactivations(now, limit, org) {
      const parameters = { now: encodeTime(now), limit, org: org ?? "" };
      const rows = await database.all("read_due_deactivations", sql.read_due_deactivations, parameters, BULK);
      return readEach(rows, readHeadRow, "read_due_deactivations", onCorrupt);
    },
    async purgeDeleted() {
      return await database.change("purge_deleted", sql.purge_deleted, {}, BULK);
    },
    async purgeSuperseded(now) {
      return await database.change("purge_superseded", sql.purge_superseded, { cutoff: dayBefore(now) }, BULK);
    },
  };
}

/** A person waits for one check; a batch is the sweep's. */
function patienceFor(rows: readonly unknown[]) {
  return rows.length > 1 ? BULK : undefined;
}
