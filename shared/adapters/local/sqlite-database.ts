import { chmodSync, closeSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { setTimeout } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { Fault } from "../../contract/fault.ts";
import { type Clock, timestamp } from "../../ports/clock.ts";
import { isRecord } from "../stored/json.ts";
import type { Columns, Row } from "../stored/rows.ts";
import { syncFolder } from "./home.ts";

type Parameters = Record<string, SQLInputValue>;

/**
 * One connection: runs one statement at a time, each a transaction of its own. A statement that finds the file locked by
 * another process waits for up to 5 s, and others go on meanwhile.
 */
export interface SqliteDatabase {
  /** @throws Fault `store_unavailable` */
  all(name: string, sql: string, parameters?: Parameters): Promise<Row[]>;
  /** @returns how many rows changed @throws Fault `store_unavailable` */
  run(name: string, sql: string, parameters?: Parameters): Promise<number>;
  close(): void;
}

export interface SqliteOptions {
  file: string;
  /** The folder of the BigQuery schema files, `configs/setup/bootstrap/schemas`. */
  schemasFolder: string;
  /** Told the name of every statement that is sent, for the benchmarks. */
  onStatement?: (name: string) => void;
  /** By which history is old; the machine's where there is none. */
  clock?: Pick<Clock, "now">;
}

/** How long a statement waits for a lock before it is `store_unavailable`. */
const PATIENCE_MS = 5_000;
/** History of attempts that is older goes when the file is opened, as a partition expires in BigQuery. */
const VALIDATIONS_MS = 400 * 86_400_000;

const tables = ["heads", "versions", "validations", "org_keys", "decrypt_grants"] as const;

/** None is unique: that there is one current head a pair is what the protocol gives, here as in BigQuery. */
const indexes: Record<string, string> = {
  heads_by_pair: "heads (org_slug, provider, seq, event_id)",
  heads_by_credential: "heads (credential_id)",
  heads_by_due: "heads (next_due_at)",
  heads_by_fingerprint: "heads (fingerprint)",
  heads_by_deactivation: "heads (deactivation_scheduled_at) WHERE deactivation_scheduled_at IS NOT NULL",
  heads_deleted: "heads (org_slug, provider) WHERE op = 'delete'",
  versions_by_pair: "versions (org_slug, provider, seq)",
  versions_by_event: "versions (event_id)",
  versions_by_previous: "versions (prev_event_id) WHERE prev_event_id IS NOT NULL",
  versions_by_request: "versions (idempotency_key_hash) WHERE idempotency_key_hash IS NOT NULL",
  versions_sealed: "versions (org_slug, provider, seq) WHERE encrypted_credential IS NOT NULL",
  validations_by_pair: "validations (org_slug, provider, credential_id, checked_at)",
  validations_by_time: "validations (checked_at)",
  org_keys_by_id: "org_keys (key_id)",
  org_keys_by_org: "org_keys (org_slug)",
  grants_by_subject: "decrypt_grants (subject)",
};

const columnTypes = new Map([
  ["STRING", "TEXT"],
  ["TIMESTAMP", "TEXT"],
  ["JSON", "TEXT"],
  ["INTEGER", "INTEGER"],
  ["BOOLEAN", "INTEGER"],
  ["BYTES", "BLOB"],
]);

/**
 * Opens the file (mode 0600) and brings its tables up to the schema files: missing tables and columns are added, none
 * is changed or removed. Several processes may have it open. WAL, so that readers do not wait for a writer;
 * `synchronous = FULL`, so that an acknowledged change survives a power cut too (NORMAL would lose the last commits);
 * `secure_delete`, so that purged ciphertext is overwritten.
 *
 * @throws Fault `store_unavailable`
 */
export function openSqliteDatabase(options: SqliteOptions): SqliteDatabase {
  const database = guarded(() => {
    closeSync(openSync(options.file, "a", 0o600));
    chmodSync(options.file, 0o600);
    const opened = new DatabaseSync(options.file, { timeout: PATIENCE_MS, enableForeignKeyConstraints: false });
    try {
      patiently(() => opened.exec("PRAGMA journal_mode = WAL"));
      opened.exec("PRAGMA synchronous = FULL; PRAGMA fullfsync = ON; PRAGMA secure_delete = ON");
      migrate(opened, options.schemasFolder);
      syncFolder(options.file);
      // From here on nothing waits inside SQLite, where it would hold up the whole process.
      opened.exec("PRAGMA busy_timeout = 0");
      expireValidations(opened, (options.clock ?? Date).now());
    } catch (error) {
      opened.close();
      throw error;
    }
    // Stable over machines and versions, as FARM_FINGERPRINT is in BigQuery: shards only have to agree with themselves.
    opened.function("shard_hash", { deterministic: true, directOnly: true }, (text) => crc32(String(text)));
    return opened;
  });

  const prepared = new Map<string, StatementSync>();
  function statement(sql: string): StatementSync {
    let found = prepared.get(sql);
    if (!found) {
      found = database.prepare(sql);
      // A number beyond 2^53 would end the whole reading; as a bigint it spoils its own row only.
      found.setReadBigInts(true);
      prepared.set(sql, found);
    }
    return found;
  }

  return {
    async all(name, sql, parameters = {}) {
      options.onStatement?.(name);
      return await whenFree(() => statement(sql).all(parameters));
    },
    async run(name, sql, parameters = {}) {
      options.onStatement?.(name);
      return await whenFree(() => Number(statement(sql).run(parameters).changes));
    },
    close() {
      if (database.isOpen) database.close();
    },
  };
}

/** PERM BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT FULL CANTOPEN PROTOCOL AUTH NOTADB: the file, not the statement. */
const unavailable: ReadonlySet<number> = new Set([3, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15, 23, 26]);

function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw faultOf(cause);
  }
}

function faultOf(cause: unknown): Fault {
  if (cause instanceof Fault) return cause;
  const result = resultCode(cause);
  const ours = result !== null && !unavailable.has(result);
  return new Fault(ours ? "internal" : "store_unavailable", { cause });
}

/** Runs a statement, again while the file is locked: one that was told so has had no effect. */
async function whenFree<T>(work: () => T): Promise<T> {
  const endsAt = performance.now() + PATIENCE_MS;
  for (let waitMs = 1; ; waitMs = Math.min(20, waitMs * 2)) {
    try {
      return work();
    } catch (error) {
      if (!isLocked(error) || performance.now() >= endsAt) throw faultOf(error);
    }
    await setTimeout(waitMs * (0.5 + Math.random()));
  }
}

/** BUSY: another connection holds the lock. LOCKED: another statement of this one does. */
function isLocked(error: unknown): boolean {
  const result = resultCode(error);
  return result === 5 || result === 6;
}

/** SQLite's primary result code; `null` where the error is not SQLite's (the file system's, or a closed connection). */
function resultCode(error: unknown): number | null {
  if (!(error instanceof Error) || !("errcode" in error) || typeof error.errcode !== "number") return null;
  return error.errcode & 0xff;
}

/** The change to WAL does not always wait for the busy timeout when several processes open a new file at once. */
function patiently(work: () => void): void {
  for (let left = 250; ; left -= 1) {
    try {
      work();
      return;
    } catch (error) {
      if (!isLocked(error) || left === 0) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
  }
}

function migrate(database: DatabaseSync, schemasFolder: string): void {
  const files = new Set(readdirSync(schemasFolder));
  const schemas = tables.map((table) => {
    if (!files.has(`${table}.json`)) throw new Fault("internal", { cause: new Error(`no schema file for ${table}`) });
    return { table, columns: readSchema(join(schemasFolder, `${table}.json`)) };
  });
  const missing = () =>
    schemas.flatMap(({ table, columns }) => missingColumns(database, table, columns)).concat(missingIndexes(database));
  if (missing().length === 0) return;
  patiently(() => database.exec("BEGIN IMMEDIATE"));
  try {
    for (let sql = missing(); sql.length > 0; sql = missing()) for (const one of sql) database.exec(one);
    database.exec("COMMIT");
  } catch (error) {
    database.exec("ROLLBACK");
    throw error;
  }
}

/** Where another process writes at that moment, the next opening does it. */
function expireValidations(database: DatabaseSync, nowMs: number): void {
  const cutoff = timestamp(nowMs - VALIDATIONS_MS);
  try {
    // Looked for first: an opening that has nothing to do takes no lock.
    if (database.prepare("SELECT 1 FROM validations WHERE checked_at < ? LIMIT 1").get(cutoff))
      database.prepare("DELETE FROM validations WHERE checked_at < ?").run(cutoff);
  } catch (error) {
    if (!isLocked(error)) throw error;
  }
}

interface Column {
  name: string;
  type: string;
  required: boolean;
}

function readSchema(file: string): Column[] {
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  if (!Array.isArray(value)) throw new Fault("internal", { cause: new Error(`${file} is not a schema`) });
  return value.map((column: unknown) => {
    const { name, type, mode } = isRecord(column) ? column : {};
    const stored = mode === "REPEATED" ? "TEXT" : columnTypes.get(String(type));
    if (typeof name !== "string" || !/^[a-z][a-z0-9_]*$/.test(name) || !stored) {
      throw new Fault("internal", { cause: new Error(`${file} has a column that cannot be read`) });
    }
    return { name, type: stored, required: mode === "REQUIRED" || mode === "REPEATED" };
  });
}

function missingColumns(database: DatabaseSync, table: string, columns: Column[]): string[] {
  const present = new Set(
    database
      .prepare("SELECT name FROM pragma_table_info(?)")
      .all(table)
      .map((row) => row["name"]),
  );
  if (present.size === 0) {
    const lines = columns.map(({ name, type, required }) => `${name} ${type}${required ? " NOT NULL" : ""}`);
    return [`CREATE TABLE ${table} (${lines.join(", ")}) STRICT`];
  }
  // As in BigQuery, a column that comes later is NULL in older rows, whatever its mode.
  return columns
    .filter(({ name }) => !present.has(name))
    .map(({ name, type }) => `ALTER TABLE ${table} ADD COLUMN ${name} ${type}`);
}

function missingIndexes(database: DatabaseSync): string[] {
  const present = new Set(
    database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'index'")
      .all()
      .map((row) => row["name"]),
  );
  const ready = tables.every((table) => database.prepare("SELECT 1 FROM sqlite_schema WHERE name = ?").get(table));
  return ready
    ? Object.keys(indexes)
        .filter((name) => !present.has(name))
        .map((name) => `CREATE INDEX ${name} ON ${indexes[name]}`)
    : [];
}

/** `INSERT` of every row of the JSON array `@rows`, as `encodeRows` makes it. */
export function insertSql<T>(table: string, columns: Columns<T>): string {
  const values = Object.entries(columns).map(([name, kind]) =>
    kind === "bytes" ? `unhex(r.value ->> '$.${name}')` : `r.value ->> '$.${name}'`,
  );
  return `INSERT INTO ${table} (${Object.keys(columns).join(", ")}) SELECT ${values.join(", ")} FROM json_each(@rows) r`;
}
