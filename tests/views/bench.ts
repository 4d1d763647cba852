import { duckName } from "../platform/bigquery/catalog.ts";
import { type Engine, startEngine } from "../platform/bigquery/engine.ts";
import { rowsOf } from "../platform/bigquery/rows.ts";
import { auditColumns, auditTable, columnsOf, datasets, project, queryOf, tables, views } from "./files.ts";
import { type Given, insertOf } from "./insert.ts";

/** A row of a view: INT64 as number, BYTES as Buffer, TIMESTAMP as ISO text, JSON parsed. */
export type Shown = Record<string, unknown>;

/** The datasets with their tables and views on bigquery-local, filled with whatever rows a test has. */
export interface ViewBench {
  /** Replaces all rows, by table (`audit` for the audit table), and the time that the views take for now. */
  show(rows: Readonly<Record<string, readonly Given[]>>, now?: string): Promise<void>;
  /** The emulator's reply to a statement, as it came. */
  reply(sql: string): Promise<unknown>;
  /** What a SELECT answers. Tables may be named as people name them, `organizations.org_integration_credentials`. */
  select(sql: string): Promise<Shown[]>;
  close(): Promise<void>;
}

const home = `/bigquery/v2/projects/${project}`;

export async function startViews(): Promise<ViewBench> {
  const engine = await startEngine();
  const reply = async (sql: string) =>
    (await engine.ask("POST", `${home}/queries`, { query: sql, useLegacySql: false })).body;
  const ask = async (sql: string) => rowsOf(await reply(sql));
  for (const datasetId of Object.values(datasets))
    await must(engine, `${home}/datasets`, { datasetReference: { projectId: project, datasetId } });
  const made = tables.map((tableId) => ({
    datasetId: datasets.integrations as string,
    tableId,
    fields: columnsOf(tableId),
  }));
  made.push({ datasetId: datasets.audit, tableId: auditTable, fields: auditColumns });
  for (const { fields, ...names } of made)
    await must(engine, `${home}/datasets/${names.datasetId}/tables`, {
      tableReference: { projectId: project, ...names },
      schema: { fields },
    });
  await engine.db.exec(`CREATE SCHEMA ${datasets.organizations}`);
  for (const view of views) {
    await ask(creationOf(view, null));
    // The emulator knows a name without its project in backticks only; BigQuery takes it as it is written.
    const name = duckName(`${datasets.organizations}.${view}`);
    await engine.db.exec(`CREATE VIEW ${datasets.organizations}.${view} AS SELECT * FROM ${name}`);
  }
  const timed = views.filter((view) => queryOf(view).includes(NOW));

  return {
    async show(rows, now) {
      for (const { datasetId, tableId, fields } of made) {
        await engine.db.exec(`DELETE FROM ${duckName(`${datasetId}.${tableId}`)}`);
        const given = rows[datasetId === datasets.audit ? "audit" : tableId] ?? [];
        if (given.length > 0) await ask(insertOf(`${project}.${datasetId}.${tableId}`, fields, given));
      }
      for (const view of timed) await ask(creationOf(view, now ?? null));
    },
    reply,
    select: ask,
    close: () => engine.close(),
  };
}

const NOW = "CURRENT_TIMESTAMP()";

/** The statement that installs a view. Where a time is given it stands for now, since the tests' time is not ours. */
function creationOf(view: string, now: string | null): string {
  const query = now === null ? queryOf(view) : queryOf(view).replaceAll(NOW, `TIMESTAMP '${now.replace("Z", "+00")}'`);
  return `CREATE OR REPLACE VIEW \`${project}.${datasets.organizations}.${view}\` AS\n${query}`;
}

async function must(engine: Engine, path: string, body: unknown): Promise<void> {
  const answer = await engine.ask("POST", path, body);
  if (answer.status !== 200) throw new Error(`the emulator refused ${path}: ${JSON.stringify(answer.body)}`);
}
