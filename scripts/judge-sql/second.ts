import {
  auditColumns,
  auditTable,
  type Column,
  columnsOf,
  datasets,
  project,
  queryOf,
  tables,
  views,
} from "../../tests/views/files.ts";
import { type Given, insertOf } from "../../tests/views/insert.ts";
import { askEmulator, type Outcome, outcomeOf, type Question, Refused } from "./wire.ts";

/** The second judge with the same datasets, tables and views, filled as the first one is. */
export interface Second {
  ask(question: Question): Promise<Outcome>;
  /** A table as it stands. */
  table(name: string): Promise<Outcome>;
  /** Replaces a table's rows; `audit` is the audit table. */
  fill(name: string, rows: readonly Given[]): Promise<void>;
  /** Views that it did not take, and what it said. */
  refusedViews: ReadonlyMap<string, string>;
}

interface Made {
  name: string;
  full: string;
  columns: Column[];
}

export async function openSecond(endpoint: string): Promise<Second> {
  const ask = async (question: Question) => outcomeOf(await askEmulator(endpoint, project, question));
  const made: Made[] = tables.map((name) => ({
    name,
    full: `${project}.${datasets.integrations}.${name}`,
    columns: columnsOf(name),
  }));
  made.push({ name: "audit", full: `${project}.${datasets.audit}.${auditTable}`, columns: auditColumns });
  for (const datasetId of Object.values(datasets))
    await post(endpoint, "datasets", { datasetReference: { projectId: project, datasetId }, location: "US" });
  for (const { full, columns } of made) {
    const [projectId, datasetId, tableId] = full.split(".");
    const table = { tableReference: { projectId, datasetId, tableId }, schema: { fields: columns.map(named) } };
    await post(endpoint, `datasets/${datasetId}/tables`, table);
  }
  const refusedViews = new Map<string, string>();
  for (const view of views) {
    const query = `CREATE VIEW \`${project}.${datasets.organizations}.${view}\` AS\n${queryOf(view)}`;
    await ask({ query }).catch((error: unknown) => {
      if (!(error instanceof Refused)) throw error;
      refusedViews.set(view, error.message);
    });
  }
  const find = (name: string): Made => {
    const found = made.find((one) => one.name === name);
    if (found === undefined) throw new Error(`there is no table ${name}`);
    return found;
  };
  return {
    ask,
    refusedViews,
    table: (name) => ask({ query: `SELECT * FROM \`${find(name).full}\`` }),
    async fill(name, rows) {
      const { full, columns } = find(name);
      await ask({ query: `DELETE FROM \`${full}\` WHERE TRUE` });
      if (rows.length > 0) await ask({ query: insertOf(full, columns, rows) });
    },
  };
}

/** FLOAT is what BigQuery's API calls FLOAT64, and of 32 bits here. */
function named({ fields, ...column }: Column): Column {
  const type = column.type === "FLOAT" ? "FLOAT64" : column.type;
  return { ...column, type, ...(fields === undefined ? {} : { fields: fields.map(named) }) };
}

async function post(endpoint: string, path: string, body: unknown): Promise<void> {
  const answer = await fetch(`${endpoint}/bigquery/v2/projects/${project}/${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`the second judge refused ${path}: ${await answer.text()}`);
}
