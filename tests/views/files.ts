import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/*
 * The files of configs/setup/bootstrap as Terraform uses them: one schema a table, one query a view, and the table that
 * a log sink makes of the audit records.
 */

const bootstrap = join(import.meta.dirname, "../../configs/setup/bootstrap");

export const project = "cloudact-testing-1";
export const datasets = {
  integrations: "integrations",
  organizations: "organizations",
  audit: "integrations_audit",
} as const;

/** A column as BigQuery's API describes it. */
export interface Column {
  name: string;
  type: string;
  mode?: string;
  fields?: Column[];
}

/** The columns of a schema file, in their order. */
export function columnsOf(table: string): Column[] {
  return JSON.parse(readFileSync(join(bootstrap, "schemas", `${table}.json`), "utf8"));
}

/** The tables of the private dataset. */
export const tables = readdirSync(join(bootstrap, "schemas"))
  .map((file) => file.replace(/\.json$/, ""))
  .filter((table) => table !== "audit_log")
  .sort();

/** The names of all views. */
export const views = readdirSync(join(bootstrap, "views"))
  .map((file) => file.replace(/\.sql$/, ""))
  .sort();

/** The query of a view as it stands in its file, placeholders and all. */
export function templateOf(view: string): string {
  return readFileSync(join(bootstrap, "views", `${view}.sql`), "utf8");
}

/** The comment that a view's file begins with, and the query after it. */
export function partsOf(view: string): { header: string; query: string } {
  const header = /^(?:--.*\n)+/.exec(templateOf(view))?.[0] ?? "";
  return { header, query: templateOf(view).slice(header.length) };
}

/** The SELECT that the header ends with, an example for people. */
export function exampleOf(view: string): string {
  const { header } = partsOf(view);
  return header.slice(header.indexOf("--   SELECT")).replaceAll(/^-- {0,3}/gm, "");
}

/** The query of a view with its names filled in, as `templatefile` does. @throws Error for a placeholder nobody fills in */
export function queryOf(view: string): string {
  const names: Record<string, string> = { project, ...datasets };
  return templateOf(view).replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const filled = names[name];
    if (filled === undefined) throw new Error(`${view}.sql has a placeholder that Terraform does not fill in: ${name}`);
    return filled;
  });
}

/** Where a log sink writes what a function prints on standard output, and the part of an entry that the views read. */
export const auditTable = "run_googleapis_com_stdout";
export const auditColumns: Column[] = [
  { name: "insertId", type: "STRING" },
  { name: "logName", type: "STRING" },
  { name: "receiveTimestamp", type: "TIMESTAMP" },
  { name: "severity", type: "STRING" },
  { name: "timestamp", type: "TIMESTAMP" },
  {
    name: "jsonPayload",
    type: "RECORD",
    fields: [
      { name: "message", type: "STRING" },
      { name: "audit", type: "RECORD", fields: columnsOf("audit_log") },
    ],
  },
];
