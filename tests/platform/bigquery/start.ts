/**
 * BigQuery for tests of the cloud backend: bigquery-local (DuckDB inside) behind a proxy that adds what the emulator
 * leaves out, so that the official client meets what it would meet in Google Cloud. Started in this process, with npm
 * alone, no download and no port but 127.0.0.1; other processes may use `endpoint` too.
 *
 *   const bigquery = await startBigQuery();
 *   const client = new BigQuery({ projectId: bigquery.project, apiEndpoint: bigquery.endpoint, authClient });
 *   // every query names its location: client.query({ query, params, location: "US" })
 *   bigquery.faults.next({ kind: "UPDATE", table: "integrations.heads" }, "serialization", 2); // the next two
 *   const held = bigquery.faults.hold({ kind: "UPDATE", table: "integrations.heads" });
 *   await held.arrived; …; held.release(); await held.done;
 *   bigquery.statements()                                            // what was sent, by whom, to which tables
 *   await bigquery.admin("SELECT * FROM `integrations.heads`")       // from behind: no faults, no permissions
 *   await bigquery.reset();                                          // all tables empty, faults and history forgotten
 *   await bigquery.close();
 */
import type { AddressInfo } from "node:net";
import type { Allows } from "../bearer.ts";
import { type Catalog, empty, install } from "./catalog.ts";
import { forEmulator } from "./dialect.ts";
import { type Engine, startEngine } from "./engine.ts";
import { FaultBench } from "./fault-bench.ts";
import type { Faults } from "./faults.ts";
import { Jobs } from "./jobs.ts";
import { limits } from "./limits.ts";
import { location, project } from "./place.ts";
import { Queries, type Statement } from "./queries.ts";
import { rowsOf } from "./rows.ts";
import { Service } from "./service.ts";
import { type Plan, planOf } from "./statement.ts";
import { Storage } from "./storage.ts";
import { Judge } from "./types/judge.ts";
import { listen } from "./wire.ts";

export type { Chaos, Fault, FaultKind, Faults, Hold, HoldPoint, Match } from "./faults.ts";
export type { Statement } from "./queries.ts";

export interface BigQuerySettings {
  /**
   * Decides every right of every statement, see permissions.ts: `{ service: "bigquery", resource: "integrations.heads",
   * action: "change" }`, or action `jobs.create` on the project. null is a caller without a token of the bench. Without
   * this everybody may do everything.
   */
  allows?: Allows;
  /** Of everything random in here: chaos. One seed reproduces one run. */
  seed?: number;
  /** Further views of `organizations` by name: a query with `${project}`, `${integrations}`, `${organizations}`. */
  views?: Readonly<Record<string, string>>;
  /** Whether a SELECT sent with JOB_CREATION_OPTIONAL comes without a job, as it may; true without this. */
  shortQueries?: boolean;
  /** Bytes of rows in one reply; the 20 MB of BigQuery without this. */
  replyBytes?: number;
  /** Milliseconds since the epoch, for what expires in here: request ids and streaming buffers. */
  now?: () => number;
}

export interface BigQuerySim {
  /** For `apiEndpoint`: `http://127.0.0.1:PORT`; the client adds `/bigquery/v2/projects/…`. */
  readonly endpoint: string;
  readonly project: string;
  readonly location: string;
  readonly faults: Faults;
  /** What has arrived since the start or the last reset, in order. */
  statements(): readonly Statement[];
  /** Empties all tables and forgets faults, holds, statements, jobs and request ids. A few milliseconds. */
  reset(): Promise<void>;
  /**
   * One statement of BigQuery SQL from behind the proxy: no faults, no permissions, not in `statements`. Tables stand in
   * backticks: `integrations.heads`. INT64 comes as number, BYTES as Buffer, TIMESTAMP as ISO text, JSON parsed.
   */
  admin(sql: string): Promise<Record<string, unknown>[]>;
  close(): Promise<void>;
}

/** Boots, creates the datasets, tables and views, and listens. */
export async function startBigQuery(settings: BigQuerySettings = {}): Promise<BigQuerySim> {
  const engine = await startEngine();
  const catalog = await installed(engine, settings.views ?? {});
  const { allows, now = Date.now } = settings;
  const storage = new Storage(engine, catalog);
  const faults = new FaultBench(settings.seed ?? 1, () => storage.remember());
  const jobs = new Jobs(now);
  const queries = new Queries({ engine, catalog, storage, faults, jobs, allows, now });
  const { shortQueries = true, replyBytes = limits.responseBytes } = settings;
  const service = new Service({ engine, catalog, queries, jobs, allows, shortQueries, replyBytes });
  const server = listen((asked) => service.answer(asked));
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${address.port}`,
    project,
    location,
    faults,
    statements: () => queries.statements(),
    reset: async () => {
      faults.reset();
      queries.reset();
      jobs.clear();
      await engine.alone(async () => {
        await storage.forget();
        await empty(engine);
      });
    },
    admin: (sql) =>
      engine.alone(async () => {
        const plan = planned(sql);
        const body = { query: plan === null ? sql : forEmulator(plan), useLegacySql: false, useQueryCache: false };
        const answer = await engine.ask("POST", `/bigquery/v2/projects/${project}/queries`, body);
        if (plan?.kind === "DDL" && plan.target !== null) catalog.delete(plan.target);
        return rowsOf(answer.body);
      }),
    async close() {
      faults.reset();
      server.close();
      server.closeAllConnections();
      await engine.close();
    },
  };
}

/** The tables and views; a view is judged by its types as a statement is. */
async function installed(engine: Engine, views: Readonly<Record<string, string>>): Promise<Catalog> {
  try {
    const catalog = await install(engine, views);
    for (const { view } of catalog.values()) if (view !== null) new Judge(catalog, new Map()).check(planOf(view));
    return catalog;
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** Null for what DuckDB alone understands. */
function planned(sql: string): Plan | null {
  try {
    return planOf(sql);
  } catch {
    return null;
  }
}
