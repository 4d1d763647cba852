import { AsyncLocalStorage } from "node:async_hooks";
import { createRequire } from "node:module";
import type { DuckDBConnection, DuckDBResultReader } from "@duckdb/node-api";
import { createDb, type Db } from "bigquery-local";

/**
 * bigquery-local 0.7.1 downloads DuckDB's `spatial` and `crypto` extensions when it starts, for GEOGRAPHY and SHA512.
 * Nothing here uses either, and a test never fetches code, so the statements that install and load them, and the two
 * macros that need them, do nothing.
 */
const SKIPPED = [
  /^\s*(?:INSTALL|LOAD)\s+(?:spatial|crypto)\b/i,
  /^\s*CREATE OR REPLACE MACRO bq_st_(?:distance|dwithin)\b/i,
];

/** What DuckDB is told once it is up: no downloads, no files, no network, one thread, bounded memory. */
const SETTINGS = [
  "SET autoinstall_known_extensions = false",
  "SET autoload_known_extensions = false",
  "SET enable_external_access = false",
  "SET threads = 1",
  "SET memory_limit = '1GB'",
];

/** While a database is made here: where its connection is put. Others that the process makes are left alone. */
const making = new AsyncLocalStorage<{ connection: DuckDBConnection | null }>();

const DONE = Symbol.for("tests/platform/bigquery: extensions of DuckDB are left out");

/**
 * Makes the emulator's database, in memory.
 *
 * @throws Error where the emulator or DuckDB no longer look as they did when this was written.
 */
export async function createSealedDb(): Promise<Db> {
  watchConnections();
  const made = { connection: null };
  const db = await making.run<Promise<Db>, []>(made, () => createDb());
  for (const setting of SETTINGS) await db.exec(setting);
  return { ...db, queryWithSchema: (sql, params) => queryWithSchema(connectionOf(made), sql, params) };
}

function connectionOf(made: { connection: DuckDBConnection | null }): DuckDBConnection {
  if (made.connection === null) throw new Error("the emulator made its database in another way: see shim.ts");
  return made.connection;
}

function watchConnections(): void {
  // The copy of DuckDB that bigquery-local itself loads: no other one would be changed.
  const duckdb: typeof import("@duckdb/node-api") = createRequire(import.meta.resolve("bigquery-local"))(
    "@duckdb/node-api",
  );
  const { prototype } = duckdb.DuckDBConnection;
  if (Reflect.get(prototype, DONE) === true) return;
  const { run } = prototype;
  Reflect.set(prototype, "run", async function (this: DuckDBConnection, sql: string, ...rest: unknown[]) {
    const made = making.getStore();
    if (made !== undefined) {
      made.connection = this;
      if (SKIPPED.some((one) => one.test(sql))) return undefined;
    }
    return Reflect.apply(run, this, [sql, ...rest]);
  });
  Reflect.set(prototype, DONE, true);
}

/**
 * Rows as the emulator wants them, with two things that it loses on the way: that a column is JSON (DuckDB knows it as
 * a name of VARCHAR), and the microseconds of a timestamp.
 */
async function queryWithSchema(
  connection: DuckDBConnection,
  sql: string,
  params: readonly unknown[] | undefined,
): ReturnType<Db["queryWithSchema"]> {
  const values = params === undefined || params.length === 0 ? undefined : params;
  const reader: DuckDBResultReader = await Reflect.apply(connection.runAndReadAll, connection, [sql, values]);
  const columnNames = reader.columnNames();
  const types = reader.columnTypes();
  const columnTypes = types.map((type) => (type.alias === "JSON" ? "JSON" : type.toString()));
  const rows: Record<string, unknown>[] = reader.getRowObjectsJS();
  for (const [column, name] of columnNames.entries()) {
    if (columnTypes[column] !== "TIMESTAMP WITH TIME ZONE") continue;
    for (const [row, cells] of rows.entries()) cells[name] = microsOf(reader.value(column, row));
  }
  return { columnNames, columnTypes, rows };
}

function microsOf(value: unknown): unknown {
  return typeof value === "object" && value !== null && "micros" in value ? value.micros : value;
}
