import type { CredentialStore, HeadChange, Opening, Pair } from "../../ports/credential-store.ts";
import {
  changeColumns,
  changedColumns,
  dayBefore,
  type OnCorrupt,
  placeholder,
  readCursor,
  readEach,
  readHistoryRow,
  readOpeningRow,
  writeCursor,
} from "../stored/changes.ts";
import {
  bytesOrNull,
  encodeRows,
  encodeTime,
  headColumns,
  readHeadRow,
  select,
  versionColumns,
} from "../stored/rows.ts";
import { insertSql, type SqliteDatabase } from "./sqlite-database.ts";

type Changes = Pick<
  CredentialStore,
  | "readHead"
  | "readHeads"
  | "readHolders"
  | "readSealed"
  | "readOpening"
  | "readOpenings"
  | "placeHeads"
  | "appendVersions"
  | "advanceHead"
  | "advanceHeads"
  | "readHistory"
>;

/**
 * One row of the highest `seq` per pair: the `QUALIFY ROW_NUMBER() … = 1` of BigQuery, written so that SQLite answers it
 * from the index for the rows at hand only.
 */
export const CURRENT = `NOT EXISTS (SELECT 1 FROM heads x WHERE x.org_slug = h.org_slug AND x.provider = h.provider
  AND x.seq >= h.seq AND (x.seq > h.seq OR x.rowid < h.rowid))`;

/** Two different states of one pair with one `seq`: the protocol cannot make them, so one of them is not ours. */
export const HEAD = `${select(headColumns, "h")}, (h.seq > 0 AND EXISTS (SELECT 1 FROM heads x WHERE x.org_slug = h.org_slug
  AND x.provider = h.provider AND x.seq = h.seq AND x.event_id <> h.event_id)) AS twins`;

/** The ciphertext that the head names. A version may stand there twice: an insert of unknown outcome is repeated. */
export const CIPHERTEXT = `(SELECT v.encrypted_credential FROM versions v WHERE v.event_id = h.secret_event_id
  AND v.org_slug = h.org_slug AND v.provider = h.provider ORDER BY v.encrypted_credential IS NULL LIMIT 1) AS encrypted_credential`;

/** Whether a version took effect: the pair's head is it, or some version was made on top of it. */
export function effective(version: string): string {
  return `(EXISTS (SELECT 1 FROM heads e WHERE e.org_slug = ${version}.org_slug AND e.provider = ${version}.provider
    AND e.event_id = ${version}.event_id AND e.seq > 0)
  OR EXISTS (SELECT 1 FROM versions n WHERE n.prev_event_id = ${version}.event_id
    AND n.org_slug = ${version}.org_slug AND n.provider = ${version}.provider))`;
}

const READ_HEAD = `SELECT ${HEAD} FROM heads h WHERE h.org_slug = @org_slug AND h.provider = @provider AND h.seq > 0 AND ${CURRENT}`;
const READ_HEADS = `SELECT ${HEAD} FROM heads h WHERE h.org_slug = @org_slug AND h.seq > 0 AND ${CURRENT} ORDER BY h.provider`;
const READ_HOLDERS = `SELECT ${HEAD} FROM heads h
  WHERE h.fingerprint = @fingerprint AND h.provider = @provider AND h.seq > 0 AND ${CURRENT} ORDER BY h.created_at LIMIT 100`;
const READ_SEALED = `SELECT ${HEAD}, ${CIPHERTEXT} FROM heads h
  WHERE h.org_slug = @org_slug AND h.provider = @provider AND h.seq > 0 AND ${CURRENT}`;

/**
 * A key that was used for another provider is found too, after the pair's own. The unary plus keeps SQLite from walking
 * through all versions of an organisation where one index names the request.
 */
const READ_OPENINGS = `
WITH asked AS (
  SELECT a.key AS place, a.value ->> '$.org_slug' AS org_slug, a.value ->> '$.provider' AS provider,
    a.value ->> '$.key_hash' AS key_hash, a.value ->> '$.event_id' AS event_id
  FROM json_each(@asked) a
)
SELECT ${HEAD}, r.event_id AS replay_event_id, r.provider AS replay_provider, r.idempotency_body_hash AS replay_body_hash, r.result AS replay_result,
  (a.event_id IS NOT NULL AND EXISTS (SELECT 1 FROM (SELECT a.org_slug, a.provider, a.event_id) v WHERE ${effective("v")})) AS effective
FROM asked a
LEFT JOIN heads h ON h.org_slug = a.org_slug AND h.provider = a.provider AND ${CURRENT}
LEFT JOIN versions r ON r.rowid = (
  SELECT v.rowid FROM versions v
  WHERE v.idempotency_key_hash = a.key_hash AND +v.org_slug = a.org_slug
    AND v.changed_at > @since AND ${effective("v")}
  ORDER BY v.provider = a.provider DESC, iif(v.provider = a.provider, v.seq, 0) DESC, v.changed_at DESC, v.event_id LIMIT 1)
ORDER BY a.place`;

const PLACE_HEADS = insertSql("heads", headColumns);
const APPEND_VERSIONS = insertSql("versions", versionColumns);

/** A column that a change does not name stays as it is. */
const ADVANCE_HEADS = `
UPDATE heads AS h SET seq = r.expected_seq + 1, event_id = r.event_id, ${Object.keys(changeColumns)
  .map((name) => `${name} = iif(json_type(r.change, '$.${name}') IS NULL, h.${name}, r.change ->> '$.${name}')`)
  .join(", ")}
FROM (
  SELECT a.value ->> '$.org_slug' AS org_slug, a.value ->> '$.provider' AS provider, a.value ->> '$.event_id' AS event_id,
    a.value ->> '$.expected_seq' AS expected_seq, a.value -> '$.set' AS change
  FROM json_each(@rows) a
) r
WHERE h.org_slug = r.org_slug AND h.provider = r.provider AND h.seq = r.expected_seq
  AND (SELECT MAX(x.seq) FROM heads x WHERE x.org_slug = r.org_slug AND x.provider = r.provider) = r.expected_seq`;

/** A status stands in a version only where its answer was kept. */
const RESULT_STATUS = "CASE WHEN json_valid(v.result) THEN v.result ->> '$.body.validation_status' END";

const READ_HISTORY = `
WITH changes AS (
  SELECT v.changed_at AS happened_at, 0 AS kind, v.seq, v.event_id, v.op AS type, v.credential_id, ${RESULT_STATUS} AS status,
    v.key_version, v.fingerprint, v.changed_by AS actor
  FROM versions v
  WHERE v.org_slug = @org_slug AND v.provider = @provider AND ${effective("v")}
    AND NOT EXISTS (SELECT 1 FROM versions d WHERE d.event_id = v.event_id AND d.rowid < v.rowid)
), attempts AS (
  SELECT c.*, LAG(c.status) OVER (PARTITION BY c.credential_id ORDER BY c.checked_at, c.event_id) AS before
  FROM validations c
  WHERE c.org_slug = @org_slug AND c.provider = @provider
    AND NOT EXISTS (SELECT 1 FROM validations d WHERE d.org_slug = c.org_slug AND d.provider = c.provider
      AND d.credential_id = c.credential_id AND d.checked_at = c.checked_at AND d.event_id = c.event_id AND d.rowid < c.rowid)
), items AS (
  SELECT * FROM changes
  UNION ALL
  SELECT checked_at, 1, 0, event_id, 'check', credential_id, status, NULL, NULL, checked_by FROM attempts a
  WHERE a.status IS NOT COALESCE(a.before, (
    SELECT ${RESULT_STATUS} FROM versions v WHERE v.org_slug = a.org_slug AND v.provider = a.provider
      AND v.credential_id = a.credential_id AND v.op <> 'delete' ORDER BY v.seq LIMIT 1))
)
SELECT * FROM items
WHERE @happened_at IS NULL OR (happened_at, kind, seq, event_id) < (@happened_at, @kind, @seq, @event_id)
ORDER BY happened_at DESC, kind DESC, seq DESC, event_id DESC LIMIT @limit`;

/** What get, list, decrypt and every change of one integration need of the store. */
export function sqliteChanges(database: SqliteDatabase, onCorrupt: OnCorrupt): Changes {
  const pairOf = ({ org_slug, provider }: Pair) => ({ org_slug, provider });

  async function openings(
    name: string,
    asked: Parameters<CredentialStore["readOpenings"]>[0],
    now: string,
  ): Promise<Opening[]> {
    const rows = asked.map((one) => ({ ...pairOf(one), key_hash: one.idempotencyKeyHash, event_id: one.eventId }));
    const found = await database.all(name, READ_OPENINGS, { asked: JSON.stringify(rows), since: dayBefore(now) });
    return found.map(readOpeningRow);
  }

  return {
    async readHead(pair) {
      const [row] = await database.all("read_head", READ_HEAD, pairOf(pair));
      return row ? readHeadRow(row) : null;
    },
    async readHeads(orgSlug) {
      const rows = await database.all("read_heads", READ_HEADS, { org_slug: orgSlug });
      const corrupt: string[] = [];
      const heads = readEach(rows, readHeadRow, "read_heads", (row) => {
        corrupt.push(row.provider);
        onCorrupt(row);
      });
      return { heads, corrupt };
    },
    async readHolders(provider, fingerprint) {
      const rows = await database.all("read_holders", READ_HOLDERS, { provider, fingerprint });
      return readEach(rows, readHeadRow, "read_holders", onCorrupt);
    },
    async readSealed(pair) {
      const [row] = await database.all("read_sealed", READ_SEALED, pairOf(pair));
      return row ? { head: readHeadRow(row), encrypted_credential: bytesOrNull(row, "encrypted_credential") } : null;
    },
    async readOpening(pair, { now, ...asked }) {
      const [opening] = await openings("read_opening", [{ ...pairOf(pair), ...asked }], now);
      return opening ?? { head: null, replay: null, effective: false };
    },
    async readOpenings(asked, now) {
      return asked.length === 0 ? [] : await openings("read_openings", asked, now);
    },
    async placeHeads(pairs, now) {
      if (pairs.length === 0) return;
      const rows = pairs.map((pair) => placeholder(pair, encodeTime(now)));
      await database.run("place_heads", PLACE_HEADS, { rows: JSON.stringify(rows) });
    },
    async appendVersions(versions) {
      if (versions.length === 0) return;
      await database.run("append_versions", APPEND_VERSIONS, { rows: encodeRows(versionColumns, versions) });
    },
    async advanceHead(change) {
      return await database.run("advance_head", ADVANCE_HEADS, { rows: JSON.stringify([encodeChange(change)]) });
    },
    async advanceHeads(changes) {
      if (changes.length === 0) return;
      await database.run("advance_heads", ADVANCE_HEADS, { rows: JSON.stringify(changes.map(encodeChange)) });
    },
    async readHistory(pair, page) {
      const after =
        page.before === null ? { happened_at: null, kind: null, seq: null, event_id: null } : readCursor(page.before);
      const rows = await database.all("read_history", READ_HISTORY, {
        ...pairOf(pair),
        ...after,
        limit: page.limit + 1,
      });
      const last = rows.length > page.limit ? rows[page.limit - 1] : undefined;
      const items = readEach(rows.slice(0, page.limit), readHistoryRow, "read_history", (row) =>
        onCorrupt({ ...row, ...pairOf(pair) }),
      );
      return { items, next: last ? writeCursor(last) : null };
    },
  };
}

function encodeChange(change: HeadChange): Record<string, unknown> {
  return {
    org_slug: change.org_slug,
    provider: change.provider,
    event_id: change.event_id,
    expected_seq: change.expected_seq,
    set: changedColumns(change),
  };
}
