import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Allows } from "../bearer.ts";
import { type Catalog, discover } from "./catalog.ts";
import { forEmulator } from "./dialect.ts";
import type { Engine } from "./engine.ts";
import type { FaultBench, Stop, Strike } from "./fault-bench.ts";
import type { FaultKind } from "./faults.ts";
import { begin } from "./hold.ts";
import type { Job, Jobs } from "./jobs.ts";
import { recordOf } from "./json.ts";
import { checkSize, limits, MutatingQueue } from "./limits.ts";
import { demand, rightsOf } from "./permissions.ts";
import { location } from "./place.ts";
import { notFound, refusalFor, streamingBuffer } from "./refusals.ts";
import { Refusal, type Result } from "./replies.ts";
import { checkRequest, type QueryRequest } from "./request.ts";
import { isMutating, type Kind, type Plan, planOf } from "./statement.ts";
import type { Body, Storage } from "./storage.ts";
import { Judge } from "./types/judge.ts";
import type { Type } from "./types/type.ts";
import type { Answer, Delivery } from "./wire.ts";

/** One statement that reached the simulator, in the order of arrival. Values of parameters are not kept. */
export interface Statement {
  sql: string;
  kind: Kind;
  /** Service account; null for a caller without a token of the bench. */
  identity: string | null;
  tables: readonly { name: string; action: string }[];
  labels: Readonly<Record<string, unknown>>;
}

/** Who asks, and what makes two requests the same. */
export interface Caller {
  identity: string | null;
  requestId: string;
  /** The caller's own name for the job. */
  jobId: string | undefined;
}

export interface QueryParts {
  engine: Engine;
  catalog: Catalog;
  storage: Storage;
  faults: FaultBench;
  jobs: Jobs;
  allows: Allows | undefined;
  now: () => number;
}

/** One statement on its way through here. */
interface Course {
  request: QueryRequest;
  plan: Plan;
  caller: Caller;
  strike: Strike | null;
  stop: Stop | null;
  /** The number of resets at its arrival. */
  epoch: number;
}

/** How each fault that strikes after the statement has run makes its reply leave. */
const DELIVERIES: Partial<Record<FaultKind, Delivery>> = {
  reset_after: "cut",
  timeout_after_commit: "never",
  truncated: "truncated",
  html: "html",
  reset_before: "reset",
};

/** Takes statements from their arrival to their reply. */
export class Queries {
  readonly #parts: QueryParts;
  #queue = new MutatingQueue();
  /** Counts resets: a statement that began before the last one must not run after it. */
  #epoch = 0;
  #statements: Statement[] = [];
  /** When rows were last streamed into a table. */
  #streamed = new Map<string, number>();

  constructor(parts: QueryParts) {
    this.#parts = parts;
  }

  statements(): readonly Statement[] {
    return [...this.#statements];
  }

  reset(): void {
    this.#statements = [];
    this.#streamed = new Map();
    this.#queue = new MutatingQueue();
    this.#epoch += 1;
  }

  streamed(table: string): void {
    this.#streamed.set(table, this.#parts.now());
  }

  /**
   * One statement, whatever befalls it. `reply` makes the body of the answer once the statement is on its way.
   *
   * @throws Refusal where BigQuery answers with an error.
   */
  async submit(
    request: QueryRequest,
    caller: Caller,
    reply: (job: Job) => Promise<Record<string, unknown>>,
  ): Promise<Answer> {
    const { faults, storage } = this.#parts;
    checkSize(request.sql, request.parameters.length);
    const plan = planOf(request.sql);
    const needed = rightsOf(plan);
    this.#statements.push({
      sql: request.sql,
      kind: plan.kind,
      identity: caller.identity,
      tables: needed.slice(1).map(({ resource, action }) => ({ name: resource, action })),
      labels: request.labels,
    });
    const stop = faults.stop(plan, caller.identity);
    const strike = faults.strike(plan, caller.identity, storage.canBeStale(plan));
    const course: Course = { request, plan, caller, strike, stop, epoch: this.#epoch };
    try {
      if (stop?.at === "arrival") await stop.stop();
      if (strike?.kind === "html" || strike?.kind === "reset_before") return delivered(strike, {});
      const refusal = strike === null ? null : refusalFor(strike.kind, plan.target);
      if (refusal !== null && strike?.kind !== "job_error") throw refusal;
      const types = await this.#check(course);
      const job = this.#job(course, types);
      if (strike?.kind === "pending") job.hiddenPolls = strike.polls;
      if (strike?.kind === "pending_forever") job.hiddenPolls = Number.POSITIVE_INFINITY;
      if (strike?.kind === "job_error") job.hiddenPolls = 1;
      const body = await reply(job);
      if (stop?.at === "reply") await stop.stop();
      if (plan.kind === "DDL" && plan.target !== null) this.#parts.catalog.delete(plan.target); // to be looked at anew
      return delivered(strike, body);
    } finally {
      stop?.left();
    }
  }

  async #check({ request, plan, caller }: Course): Promise<readonly Type[]> {
    const { allows, catalog, engine } = this.#parts;
    const parameters = checkRequest(request, plan);
    demand(allows, caller.identity, rightsOf(plan));
    const named = plan.target === null || plan.kind === "DDL" ? plan.reads : [plan.target, ...plan.reads];
    for (const name of named) {
      if (catalog.has(name) || name.includes(".INFORMATION_SCHEMA.")) continue;
      if ((await discover(engine, catalog, name, null)) === null) throw notFound(name, location);
    }
    return new Judge(catalog, parameters).check(plan);
  }

  /** The job of this request: a duplicate of one that writes gets the first one's, within 15 minutes. */
  #job(course: Course, types: readonly Type[]): Job {
    const { request, plan, caller } = course;
    const start = (): Job =>
      this.#parts.jobs.start(
        plan.kind,
        caller.identity,
        async () => withTypes(await this.#run(course), types),
        caller.jobId,
      );
    if (caller.requestId === "" || plan.kind === "SELECT") return start();
    const content = createHash("sha256")
      .update(JSON.stringify([request.sql, request.parameters]))
      .digest("hex");
    return this.#parts.jobs.once(`${caller.identity} ${caller.requestId} ${content}`, start);
  }

  async #run({ request, plan, strike, stop, epoch }: Course): Promise<Result> {
    const { storage } = this.#parts;
    const body: Body = {
      query: forEmulator(plan),
      queryParameters: request.parameters,
      ...(request.parameterMode === "" ? {} : { parameterMode: request.parameterMode }),
      useLegacySql: false,
      useQueryCache: false, // the emulator's cache is one for all servers of the process
    };
    const run = (work: () => Promise<Result>): Promise<Result> =>
      storage.alone(() => {
        if (epoch === this.#epoch) return work();
        throw new Refusal(503, "backendError", "The simulator was reset");
      });
    if (request.dryRun) return run(() => storage.explain(plan, body));
    const failure = strike?.kind === "job_error" ? refusalFor(strike.kind, plan.target) : null;
    if (failure !== null) throw failure;
    const leave = await this.#enter(plan);
    try {
      if (strike?.kind === "slow") await delay(strike.ms);
      if (strike?.kind === "stale_read") return await run(() => storage.runStale(plan, body));
      if (stop?.at !== "snapshot") return await run(() => storage.run(plan, body));
      const held = await begin(storage, plan, body);
      try {
        await stop.stop();
        return await run(held.commit);
      } finally {
        await storage.alone(held.drop);
      }
    } finally {
      leave();
    }
  }

  /** Waits for the turn of a mutating statement and answers what ends it; the others need none. */
  async #enter({ kind, target }: Plan): Promise<() => void> {
    if (target === null || !isMutating(kind)) return () => undefined;
    const streamedAt = this.#streamed.get(target);
    if (streamedAt !== undefined && this.#parts.now() - streamedAt < limits.streamingBufferMs)
      throw streamingBuffer(target);
    return this.#queue.enter(target);
  }
}

/** DuckDB calls text JSON that a function made of JSON, and BigQuery does not: TO_JSON_STRING gives a STRING. */
function withTypes(result: Result, types: readonly Type[]): Result {
  const isText = (name: unknown): boolean => name === "JSON" || name === "STRING";
  const fields = result.fields.map((field, at) => {
    const name = types[at]?.name;
    return isText(name) && isText(recordOf(field)["type"]) ? { ...recordOf(field), type: name } : field;
  });
  return { ...result, fields };
}

function delivered(strike: Strike | null, body: Record<string, unknown>): Answer {
  const { rows, ...withoutRows } = body;
  const { jobReference, ...withoutJob } = body;
  switch (strike?.kind) {
    case "missing_rows":
      return { status: 200, body: withoutRows, delivery: "whole" };
    case "no_job_reference":
      return { status: 200, body: withoutJob, delivery: "whole" };
    case "garbage":
      return { status: 200, body: { kind: "bigquery#unknown", status: "ok" }, delivery: "whole" };
    default:
      return { status: 200, body, delivery: (strike === null ? null : DELIVERIES[strike.kind]) ?? "whole" };
  }
}
