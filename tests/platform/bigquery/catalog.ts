import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { forEmulator } from "./dialect.ts";
import type { Engine } from "./engine.ts";
import { recordOf, textOf } from "./json.ts";
import { datasets, location, project } from "./place.ts";
import { planOf } from "./statement.ts";

const bootstrap = join(import.meta.dirname, "../../../configs/setup/bootstrap");

/** A table or a view; `name` is `dataset.table`. */
export interface Table {
  name: string;
  /** Columns in their order: name to type as in the schema files (STRING, INTEGER, JSON …) and mode. */
  columns: ReadonlyMap<string, Column>;
  /** The query of a view; null for a table. */
  view: string | null;
}

export interface Column {
  type: string;
  mode: string;
}

export type Catalog = Map<string, Table>;

/**
 * Creates the datasets, the tables of the schema files and the views (a file holds the query of the view it is named
 * after, placeholders in it), and answers what there is now. `views` come after those of the files and replace them. A
 * view over a dataset that is not here (the sink of the audit log) is left out.
 *
 * @throws Error with the emulator's words, naming what it did not take.
 */
export async function install(engine: Engine, views: Readonly<Record<string, string>>): Promise<Catalog> {
  const catalog: Catalog = new Map();
  for (const datasetId of Object.values(datasets)) {
    await must(engine, "POST", "/datasets", { datasetReference: { projectId: project, datasetId }, location });
  }
  for (const [tableId, schema] of filesOf("schemas", ".json")) {
    await must(engine, "POST", `/datasets/${datasets.integrations}/tables`, {
      tableReference: { projectId: project, datasetId: datasets.integrations, tableId },
      schema: { fields: JSON.parse(schema) },
    });
    await discover(engine, catalog, `${datasets.integrations}.${tableId}`, null);
  }
  for (const [name, query] of new Map([...filesOf("views", ".sql"), ...Object.entries(views)])) {
    const view = rendered(query);
    if (/\$\{/.test(view)) continue; // over a dataset that is not here
    const create = `CREATE OR REPLACE VIEW \`${project}.${datasets.organizations}.${name}\` AS\n${forEmulator(planOf(view))}`;
    await must(engine, "POST", "/queries", { query: create, useLegacySql: false, useQueryCache: false });
    await discover(engine, catalog, `${datasets.organizations}.${name}`, view);
  }
  return catalog;
}

/** A table as DuckDB knows it: quoted, schema first. */
export function duckName(name: string): string {
  const [dataset = "", table = ""] = name.split(".");
  return `"${project}__${dataset}"."${table}"`;
}

const PLACEHOLDERS: Readonly<Record<string, string>> = { project, ...datasets };

/** Fills in the placeholders of a view file; one that means nothing here stays. */
export function rendered(sql: string): string {
  return sql.replace(/\$\{(\w+)\}/g, (whole, name: string) => PLACEHOLDERS[name] ?? whole);
}

/** The files of a folder of the bootstrap, by name without its end, in the order of their names. */
function filesOf(folder: string, end: string): [name: string, text: string][] {
  return readdirSync(join(bootstrap, folder))
    .filter((file) => file.endsWith(end))
    .sort()
    .map((file) => [file.slice(0, -end.length), readFileSync(join(bootstrap, folder, file), "utf8")]);
}

async function must(engine: Engine, method: string, path: string, body?: unknown): Promise<unknown> {
  const answer = await engine.ask(method, `/bigquery/v2/projects/${project}${path}`, body);
  if (answer.status === 200) return answer.body;
  const asked = recordOf(body)["query"] ?? path;
  throw new Error(`bigquery-local does not take ${textOf(asked).slice(0, 120)}…: ${JSON.stringify(answer.body)}`);
}

/** DuckDB's types by the name that BigQuery gives them in a schema. */
const TYPES: Readonly<Record<string, string>> = {
  VARCHAR: "STRING",
  BIGINT: "INTEGER",
  DOUBLE: "FLOAT",
  BOOLEAN: "BOOLEAN",
  BLOB: "BYTES",
  JSON: "JSON",
  DATE: "DATE",
  "TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
};

/** Looks a table or view up where the rows are, so that it is known by what it really shows; null when there is none. */
export async function discover(
  engine: Engine,
  catalog: Catalog,
  name: string,
  view: string | null,
): Promise<Table | null> {
  const [dataset, table] = name.split(".");
  const found = await engine.db.query(
    "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE schema_name = $1 AND table_name = $2 ORDER BY column_index",
    [`${project}__${dataset}`, table],
  );
  if (found.length === 0) return null;
  const columns = found.map((column): [string, Column] => {
    const type = textOf(column["data_type"]);
    const mode = column["is_nullable"] === true ? "NULLABLE" : "REQUIRED";
    const element = type.endsWith("[]") ? type.slice(0, -2) : null;
    return [
      textOf(column["column_name"]),
      { type: TYPES[element ?? type] ?? type, mode: element === null ? mode : "REPEATED" },
    ];
  });
  const made: Table = { name, columns: new Map(columns), view };
  catalog.set(name, made);
  return made;
}

/** Empties every table there is. */
export async function empty(engine: Engine): Promise<void> {
  const tables = await engine.db.query(
    "SELECT schema_name, table_name FROM duckdb_tables() WHERE schema_name LIKE $1 || '%'",
    [`${project}__`],
  );
  for (const one of tables) await engine.db.exec(`DELETE FROM "${one["schema_name"]}"."${one["table_name"]}"`);
}
