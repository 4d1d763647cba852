import type { CredentialStore } from "../../ports/credential-store.ts";
import { dayBefore, type OnCorrupt, readEach, recordedColumns, takenColumns } from "../stored/changes.ts";
import { readDuePage } from "../stored/pages.ts";
import { encodeRows, encodeTime, readHeadRow, text, validationColumns } from "../stored/rows.ts";
import { CIPHERTEXT, CURRENT, effective, HEAD } from "./sqlite-changes.ts";
import { insertSql, type SqliteDatabase } from "./sqlite-database.ts";

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

/** Reported ones first, then by how long they have been due. */
const READ_DUE = `
WITH eligible AS (
  SELECT h.rowid AS place, h.reported_at IS NULL AS later, h.next_due_at, h.credential_id
  FROM heads h
  WHERE h.next_due_at IS NOT NULL AND h.seq > 0 AND h.op <> 'delete' AND h.enabled = 1
    AND (h.deactivation_scheduled_at IS NULL OR h.deactivation_scheduled_at > @now)
    AND (@org IS NULL OR h.org_slug = @org)
    AND (@shards = 1 OR shard_hash(h.credential_id) % @shards = @shard)
    AND ${CURRENT}
), due AS MATERIALIZED (
  SELECT * FROM eligible WHERE next_due_at <= @now
), page AS (
  SELECT place, later, next_due_at, credential_id FROM due
  WHERE (later, next_due_at, credential_id) > (@after_later, @after_due_at, @after_id)
  ORDER BY later, next_due_at, credential_id LIMIT @limit
)
SELECT (SELECT COUNT(*) FROM due) AS due_total,
  (SELECT next_due_at FROM eligible WHERE next_due_at > @now ORDER BY next_due_at LIMIT 1) AS rest_due_at,
  page.place, ${HEAD}, ${CIPHERTEXT}
FROM (SELECT 1) LEFT JOIN page ON TRUE LEFT JOIN heads h ON h.rowid = page.place
ORDER BY page.later, page.next_due_at, page.credential_id`;

const APPEND_VALIDATIONS = insertSql("validations", validationColumns);

/**
 * Keyed on the credential: a late result cannot touch a newer one. A report that came after the attempt began stays,
 * and with it the time at which the credential is due. A change that came meanwhile is not undone: the expiry goes by
 * what is declared now, and the due time is the earlier of both, save where a refusal ends the asking.
 */
const RECORD_CHECKS = `
UPDATE heads AS h SET
  validation_status = COALESCE(r.status, h.validation_status),
  last_validated_at = iif(r.status = 'VALID', r.checked_at, h.last_validated_at),
  last_checked_at = r.checked_at,
  error_code = r.error_code,
  verdict = r.verdict,
  consecutive_failures = iif(r.failed, h.consecutive_failures + 1, 0),
  next_due_at = CASE
    WHEN h.reported_at >= r.checked_at THEN h.next_due_at
    WHEN h.seq = r.seq OR (r.next_due_at IS NULL AND r.status IN ('INVALID', 'EXPIRED')) THEN r.next_due_at
    ELSE ${earlier("h.next_due_at", "r.next_due_at")} END,
  reported_at = iif(r.status IS NOT NULL AND h.reported_at < r.checked_at, NULL, h.reported_at),
  expires_at = ${earlier("h.expires_at_declared", "r.discovered_expires_at")},
  notified_days = iif(h.seq = r.seq, r.notified_days, h.notified_days)
FROM (
  SELECT a.value ->> '$.org_slug' AS org_slug, a.value ->> '$.provider' AS provider, a.value ->> '$.credential_id' AS credential_id,
    a.value ->> '$.seq' AS seq, a.value ->> '$.checked_at' AS checked_at, a.value ->> '$.status' AS status, a.value ->> '$.error_code' AS error_code,
    a.value ->> '$.verdict' AS verdict, a.value ->> '$.failed' AS failed, a.value ->> '$.next_due_at' AS next_due_at,
    a.value ->> '$.discovered_expires_at' AS discovered_expires_at, a.value ->> '$.notified_days' AS notified_days
  FROM json_each(@rows) a
) r
WHERE h.credential_id = r.credential_id AND h.org_slug = r.org_slug AND h.provider = r.provider AND h.seq > 0
  AND (h.last_checked_at IS NULL OR h.last_checked_at < r.checked_at)`;

/** The start of the attempt names the check: no count of changed rows tells a repetition from one that came too late. */
const READ_TAKEN = `
SELECT DISTINCT h.credential_id
FROM json_each(@rows) a CROSS JOIN heads h
WHERE h.credential_id = a.value ->> '$.credential_id' AND h.last_checked_at = a.value ->> '$.checked_at' AND h.seq > 0`;

/** What is known to be dead is not asked about again: a report of it says nothing new. */
const MARK_REPORTED = `UPDATE heads SET reported_at = @at, next_due_at = @at
WHERE credential_id = @credential_id AND reported_at IS NULL AND seq > 0 AND op <> 'delete'
  AND validation_status IN ('VALID', 'PENDING')`;

const READ_DUE_DEACTIVATIONS = `SELECT ${HEAD} FROM heads h
WHERE h.deactivation_scheduled_at <= @now AND (@org IS NULL OR h.org_slug = @org) AND h.seq > 0 AND h.op <> 'delete' AND ${CURRENT}
ORDER BY h.deactivation_scheduled_at, h.org_slug, h.provider LIMIT @limit`;

const PURGE_DELETED = `UPDATE versions SET encrypted_credential = NULL WHERE rowid IN (
  SELECT v.rowid FROM heads h JOIN versions v ON v.org_slug = h.org_slug AND v.provider = h.provider AND v.seq <= h.seq
  WHERE h.op = 'delete' AND h.seq > 0 AND ${CURRENT} AND v.encrypted_credential IS NOT NULL)`;

/**
 * A secret is superseded by the first effective version after it that brought another credential, sealed the same one
 * anew or deleted it; a change of name in between supersedes nothing. A version without effect has its own day: it may
 * belong to a change that is still running.
 */
const PURGE_SUPERSEDED = `UPDATE versions AS v SET encrypted_credential = NULL
WHERE v.encrypted_credential IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM heads h WHERE h.org_slug = v.org_slug AND h.provider = v.provider AND h.secret_event_id = v.event_id)
  AND CASE WHEN ${effective("v")} THEN EXISTS (
      SELECT 1 FROM versions s WHERE s.org_slug = v.org_slug AND s.provider = v.provider AND s.seq > v.seq
        AND (s.credential_id <> v.credential_id OR s.op IN ('rewrap', 'delete')) AND s.changed_at <= @cutoff AND ${effective("s")})
    ELSE v.changed_at <= @cutoff END`;

/** The earlier of two times, where NULL is never: SQLite's `min` of one NULL is NULL. */
function earlier(left: string, right: string): string {
  return `COALESCE(min(${left}, ${right}), ${left}, ${right})`;
}

/** What the sweep, a check and a pipeline's report need of the store. */
export function sqliteSweep(database: SqliteDatabase, onCorrupt: OnCorrupt): Sweep {
  return {
    async readDue({ now, limit, org, shard, after }) {
      const rows = await database.all("read_due", READ_DUE, {
        now: encodeTime(now),
        limit,
        org,
        shards: shard?.count ?? 1,
        shard: shard?.index ?? 0,
        after_later: after === null ? -1 : after.reported ? 0 : 1,
        after_due_at: after?.next_due_at ?? "",
        after_id: after?.credential_id ?? "",
      });
      return readDuePage(rows, limit, onCorrupt);
    },
    async appendValidations(rows) {
      if (rows.length === 0) return;
      await database.run("append_validations", APPEND_VALIDATIONS, { rows: encodeRows(validationColumns, rows) });
    },
    async recordChecks(rows) {
      return rows.length === 0
        ? 0
        : await database.run("record_checks", RECORD_CHECKS, { rows: encodeRows(recordedColumns, rows) });
    },
    async readTaken(rows) {
      if (rows.length === 0) return [];
      const found = await database.all("read_taken", READ_TAKEN, { rows: encodeRows(takenColumns, rows) });
      return found.map((row) => text(row, "credential_id"));
    },
    async markReported(credentialId, at) {
      return await database.run("mark_reported", MARK_REPORTED, { credential_id: credentialId, at: encodeTime(at) });
    },
    async readDueDeactivations(now, limit, org) {
      const rows = await database.all("read_due_deactivations", READ_DUE_DEACTIVATIONS, {
        now: encodeTime(now),
        limit,
        org,
      });
      return readEach(rows, readHeadRow, "read_due_deactivations", onCorrupt);
    },
    async purgeDeleted() {
      return await database.run("purge_deleted", PURGE_DELETED);
    },
    async purgeSuperseded(now) {
      return await database.run("purge_superseded", PURGE_SUPERSEDED, { cutoff: dayBefore(now) });
    },
  };
}
