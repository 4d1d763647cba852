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
import { bytesOrNull, encodeTime, headColumns, type Kind, readHeadRow, versionColumns } from "../stored/rows.ts";
import type { BigQueryDatabase } from "./bigquery-database.ts";
import { decoded, effectiveEvents, HEAD, insertSql, latestHeads, type Tables } from "./bigquery-tables.ts";
import { eachOnce, jsonRows, jsonText } from "./bigquery-values.ts";

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

const PAIR = "org_slug = @org_slug AND provider = @provider";
const LATEST_OF_PAIR = "h.org_slug = @org_slug AND h.provider = @provider AND h.seq > 0";

/** What get, list, decrypt and every change of one integration send, by name. */
export function changeStatements(tables: Tables) {
  const openings = readOpenings(tables);
  return {
    read_head: latestHeads(tables, LATEST_OF_PAIR),
    read_heads: `${latestHeads(tables, "h.org_slug = @org_slug AND h.seq > 0")}
ORDER BY h.provider`,
    read_holders: `WITH latest AS (
  ${latestHeads(tables, "h.provider = @provider AND h.seq > 0")}
)
SELECT ${HEAD} FROM latest AS h WHERE h.fingerprint = @fingerprint ORDER BY h.created_at LIMIT 100`,
    // A version may stand there twice: an insert of unknown outcome is repeated.
    read_sealed: `WITH latest AS (
  ${latestHeads(tables, LATEST_OF_PAIR)}
), sealed AS (
  SELECT event_id, MAX(encrypted_credential) AS encrypted_credential FROM ${tables.versions} WHERE ${PAIR} GROUP BY event_id
)
SELECT ${HEAD}, s.encrypted_credential FROM latest AS h LEFT JOIN sealed AS s ON s.event_id = h.secret_event_id`,
    read_opening: openings,
    read_openings: openings,
    place_heads: insertSql(tables.heads, headColumns),
    append_versions: insertSql(tables.versions, versionColumns),
    advance_head: advanceHeads(tables),
    advance_heads: advanceHeads(tables),
    read_history: readHistory(tables),
  };
}

/**
 * A key that was used for another provider is found too, after the pair's own. All that is asked lies between the first
 * organisation and the last, which BigQuery can go by where it skips blocks; most often they are the same.
 */
function readOpenings(tables: Tables): string {
  const between = "org_slug BETWEEN @first_org AND @last_org";
  return `WITH asked AS (
  SELECT place, JSON_VALUE(given, '$.org_slug') AS org_slug, JSON_VALUE(given, '$.provider') AS provider,
    JSON_VALUE(given, '$.key_hash') AS key_hash, JSON_VALUE(given, '$.event_id') AS event_id
  FROM UNNEST(@asked) AS given WITH OFFSET AS place
), latest AS (
  ${latestHeads(tables, `h.${between}`)}
), effective AS (
  ${effectiveEvents(tables, tables.versionsInView, between)}
), replays AS (
  SELECT a.place, v.event_id, v.provider, v.idempotency_body_hash, v.result
  FROM asked AS a
  JOIN ${tables.versionsInView} AS v ON v.org_slug = a.org_slug AND v.idempotency_key_hash = a.key_hash
  JOIN effective AS e ON e.org_slug = v.org_slug AND e.provider = v.provider AND e.event_id = v.event_id
  WHERE v.${between} AND v.changed_at > TIMESTAMP(@since)
  QUALIFY ROW_NUMBER() OVER (PARTITION BY a.place
    ORDER BY IF(v.provider = a.provider, v.seq, 0) DESC, v.changed_at DESC, v.event_id) = 1
)
SELECT ${HEAD}, r.event_id AS replay_event_id, r.provider AS replay_provider,
  r.idempotency_body_hash AS replay_body_hash, r.result AS replay_result, e.event_id IS NOT NULL AS effective
FROM asked AS a
LEFT JOIN latest AS h ON h.org_slug = a.org_slug AND h.provider = a.provider
LEFT JOIN replays AS r ON r.place = a.place
LEFT JOIN effective AS e ON e.org_slug = a.org_slug AND e.provider = a.provider AND e.event_id = a.event_id
ORDER BY a.place`;
}

/**
 * The compare-and-set. The highest `seq` decides who was first; that the row itself must be there too leaves a
 * placeholder that came late at 0 for ever. A column that a change does not name stays as it is: the value of one that
 * is named stands in an array of one.
 */
function advanceHeads({ heads }: Tables): string {
  const columns = Object.entries<Kind>(changeColumns).map(([name, kind]) => {
    const value = decoded(kind, `JSON_VALUE(r.given, '$.set.${name}[0]')`);
    return `${name} = IF(JSON_QUERY(r.given, '$.set.${name}') IS NULL, h.${name}, ${value})`;
  });
  return `UPDATE ${heads} AS h
SET seq = r.expected_seq + 1, event_id = JSON_VALUE(r.given, '$.event_id'),
  ${columns.join(",\n  ")}
FROM (
  SELECT a.given, a.org_slug, a.provider, a.expected_seq
  FROM (
    SELECT given, JSON_VALUE(given, '$.org_slug') AS org_slug, JSON_VALUE(given, '$.provider') AS provider,
      CAST(JSON_VALUE(given, '$.expected_seq') AS INT64) AS expected_seq
    FROM UNNEST(@rows) AS given
  ) AS a
  JOIN (
    SELECT org_slug, provider, MAX(seq) AS seq FROM ${heads}
    WHERE org_slug BETWEEN @first_org AND @last_org GROUP BY org_slug, provider
  ) AS top ON top.org_slug = a.org_slug AND top.provider = a.provider AND top.seq = a.expected_seq
) AS r
WHERE h.org_slug BETWEEN @first_org AND @last_org
  AND h.org_slug = r.org_slug AND h.provider = r.provider AND h.seq = r.expected_seq`;
}

/** A status stands in a version only where its answer was kept. */
const RESULT_STATUS = "JSON_VALUE(v.result, '$.body.validation_status')";

/**
 * Changes that took effect, and checks where the status differs from the one before of that credential: one that stands
 * there twice, since an insert of unknown outcome is repeated, differs once.
 */
function readHistory(tables: Tables): string {
  return `WITH effective AS (
  ${effectiveEvents(tables, tables.versionsInView, PAIR)}
), versions AS (
  SELECT event_id, seq, op, credential_id, key_version, fingerprint, changed_at, changed_by, ${RESULT_STATUS} AS status
  FROM ${tables.versionsInView} AS v WHERE ${PAIR}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY event_id ORDER BY changed_at) = 1
), attempts AS (
  SELECT event_id, credential_id, checked_at, status, checked_by,
    LAG(status) OVER (PARTITION BY credential_id ORDER BY checked_at, event_id) AS status_before
  FROM ${tables.validations} WHERE ${PAIR}
), beginnings AS (
  SELECT credential_id, status FROM versions WHERE TRUE
  QUALIFY ROW_NUMBER() OVER (PARTITION BY credential_id ORDER BY seq) = 1
), items AS (
  SELECT v.changed_at AS happened_at, 0 AS kind, v.seq, v.event_id, v.op AS type, v.credential_id, v.status,
    v.key_version, v.fingerprint, v.changed_by AS actor
  FROM versions AS v JOIN effective AS e ON e.event_id = v.event_id
  UNION ALL
  SELECT c.checked_at, 1, 0, c.event_id, 'check', c.credential_id, c.status, CAST(NULL AS STRING), CAST(NULL AS STRING),
    c.checked_by
  FROM attempts AS c LEFT JOIN beginnings AS b ON b.credential_id = c.credential_id
  WHERE COALESCE(c.status_before, b.status, '') <> c.status
)
SELECT happened_at, kind, seq, event_id, type, credential_id, status, key_version, fingerprint, actor FROM items
WHERE happened_at < TIMESTAMP(@happened_at) OR (happened_at = TIMESTAMP(@happened_at)
  AND (kind < @kind OR (kind = @kind AND (seq < @seq OR (seq = @seq AND event_id < JSON_VALUE(@event, '$.event_id'))))))
ORDER BY happened_at DESC, kind DESC, seq DESC, event_id DESC LIMIT @limit`;
}

/** Behind everything that can have happened. */
const LATEST = { happened_at: "9999-12-31T23:59:59.999Z", kind: 0, seq: 0, event_id: "" };

/** What get, list, decrypt and every change of one integration need of the store. */
export function bigqueryChanges(database: BigQueryDatabase, tables: Tables, onCorrupt: OnCorrupt): Changes {
  const sql = changeStatements(tables);
  const pairOf = ({ org_slug, provider }: Pair) => ({ org_slug, provider });

  async function openings(
    name: "read_opening" | "read_openings",
    asked: Parameters<CredentialStore["readOpenings"]>[0],
    now: string,
  ): Promise<Opening[]> {
    const rows = asked.map((one) => ({ ...pairOf(one), key_hash: one.idempotencyKeyHash, event_id: one.eventId }));
    const found = await database.all(name, sql[name], {
      asked: rows.map(jsonText),
      ...organisations(asked),
      since: dayBefore(now),
    });
    return found.map(readOpeningRow);
  }

  const advanceParameters = (changes: readonly HeadChange[]) => ({
    rows: eachOnce(changes, pairText).map((change) => {
      const named = Object.entries(changedColumns(change)).map(([column, value]) => [column, [value]]);
      const { event_id, expected_seq } = change;
      return jsonText({ ...pairOf(change), event_id, expected_seq, set: Object.fromEntries(named) });
    }),
    ...organisations(changes),
  });

  return {
    async readHead(pair) {
      const [row] = await database.all("read_head", sql.read_head, pairOf(pair));
      return row ? readHeadRow(row) : null;
    },
    async readHeads(orgSlug) {
      const rows = await database.all("read_heads", sql.read_heads, { org_slug: orgSlug });
      const corrupt: string[] = [];
      const heads = readEach(rows, readHeadRow, "read_heads", (row) => {
        corrupt.push(row.provider);
        onCorrupt(row);
      });
      return { heads, corrupt };
    },
    async readHolders(provider, fingerprint) {
      const rows = await database.all("read_holders", sql.read_holders, { provider, fingerprint });
      return readEach(rows, readHeadRow, "read_holders", onCorrupt);
    },
    async readSealed(pair) {
      const [row] = await database.all("read_sealed", sql.read_sealed, pairOf(pair));
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
      const rows = pairs.map((pair) => jsonText(placeholder(pair, encodeTime(now))));
      await database.change("place_heads", sql.place_heads, { rows });
    },
    async appendVersions(versions) {
      if (versions.length === 0) return;
      await database.change("append_versions", sql.append_versions, { rows: jsonRows(versionColumns, versions) });
    },
    async advanceHead(change) {
      return await database.decide("advance_head", sql.advance_head, advanceParameters([change]));
    },
    async advanceHeads(changes) {
      if (changes.length === 0) return;
      await database.change("advance_heads", sql.advance_heads, advanceParameters(changes));
    },
    async readHistory(pair, page) {
      const { event_id, ...after } = page.before === null ? LATEST : readCursor(page.before);
      const rows = await database.all("read_history", sql.read_history, {
        ...pairOf(pair),
        ...after,
        event: jsonText({ event_id }),
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

/** The first and the last organisation of what is asked, in the order that BigQuery sorts by: that of the bytes. */
function organisations(pairs: ReadonlyArray<Pair>): { first_org: string; last_org: string } {
  const sorted = pairs.map(({ org_slug }) => org_slug).sort();
  return { first_org: sorted[0] ?? "", last_org: sorted.at(-1) ?? "" };
}

function pairText({ org_slug, provider }: Pair): string {
  return `${org_slug} ${provider}`;
}
