import { randomUUID } from "node:crypto";
import { limits } from "./limits.ts";
import { location, project } from "./place.ts";
import { type Format, Refusal, type Result, shownRows } from "./replies.ts";

/** A statement on its way: what it comes to, and how it shows itself to those who ask. */
export interface Job {
  readonly id: string;
  readonly kind: string;
  readonly identity: string | null;
  readonly startedMs: number;
  /** Never rejects: an error is kept as what it is. */
  readonly outcome: Promise<Result | Refusal>;
  /** Null while it runs. */
  ended: { outcome: Result | Refusal; atMs: number } | null;
  /** How many more times a caller is told that it has not ended; Infinity for ever. */
  hiddenPolls: number;
}

/** How a caller wants to have rows. */
export interface Page extends Format {
  /** First row, from 0. */
  from: number;
  /** Rows of a page; null leaves it to the bytes. */
  rows: number | null;
  /** Bytes of rows that a page may hold. */
  bytes: number;
}

const KEPT = 200;

/** The jobs of late, for those who poll, page or ask again with the same request id. */
export class Jobs {
  readonly #jobs = new Map<string, Job>();
  readonly #requests = new Map<string, { job: Job; atMs: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Starts a job. `id` is the caller's own choice where there is one. */
  start(kind: string, identity: string | null, run: () => Promise<Result>, id: string = randomUUID()): Job {
    const outcome = run().catch(asRefusal);
    const job: Job = { id, kind, identity, startedMs: this.#now(), outcome, ended: null, hiddenPolls: 0 };
    outcome.then((one) => {
      job.ended = { outcome: one, atMs: this.#now() };
    });
    this.#jobs.set(id, job);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > KEPT && oldest !== undefined) this.#jobs.delete(oldest);
    return job;
  }

  /** @throws Refusal 404 for a job that is not known. */
  find(id: string): Job {
    const job = this.#jobs.get(id);
    if (job === undefined) throw new Refusal(404, "notFound", `Not found: Job ${project}:${location}.${id}`);
    return job;
  }

  has(id: string): boolean {
    return this.#jobs.has(id);
  }

  /** The job of the same request within the last 15 minutes, or the one that `start` makes. */
  once(key: string, start: () => Job): Job {
    const before = this.#requests.get(key);
    if (before !== undefined && this.#now() - before.atMs < limits.requestIdMs) return before.job;
    const job = start();
    this.#requests.set(key, { job, atMs: this.#now() });
    return job;
  }

  clear(): void {
    this.#jobs.clear();
    this.#requests.clear();
  }
}

/** Anything that is no answer of BigQuery is a fault of the simulator and shows as one. */
function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new Refusal(500, "internalError", `The simulator failed: ${words}`);
}

/** The reply to jobs.query, or to getQueryResults, of a job that has ended well. */
export function resultBody(
  job: Job,
  result: Result,
  page: Page,
  kind: string,
  hasJob: boolean,
): Record<string, unknown> {
  const shown = shownRows(result.fields, pageOf(result.rows, page), page);
  const next = page.from + shown.length;
  const isPartial = next < result.rows.length;
  return {
    kind,
    ...(result.affected === null ? { schema: { fields: result.fields } } : {}),
    ...(hasJob || isPartial ? { jobReference: reference(job) } : {}),
    ...(isPartial ? { pageToken: Buffer.from(String(next)).toString("base64url") } : {}),
    queryId: `${job.id}.query`,
    location,
    totalRows: String(result.rows.length),
    ...(shown.length > 0 ? { rows: shown } : {}),
    totalBytesProcessed: "0",
    jobComplete: true,
    cacheHit: false,
    creationTime: String(job.startedMs),
    startTime: String(job.startedMs),
    endTime: String(job.ended?.atMs ?? job.startedMs),
    ...(result.affected === null ? {} : { numDmlAffectedRows: String(result.affected) }),
    ...(result.dmlStats === null ? {} : { dmlStats: result.dmlStats }),
  };
}

/** The reply while a job has not ended: neither rows nor their number. */
export function pendingBody(job: Job, kind: string): Record<string, unknown> {
  return { kind, jobReference: reference(job), queryId: `${job.id}.query`, location, jobComplete: false };
}

/** The job itself, as jobs.get and jobs.insert show it. */
export function jobBody(job: Job): Record<string, unknown> {
  const ended = job.hiddenPolls > 0 ? null : job.ended;
  const error = ended?.outcome instanceof Refusal ? errorProto(ended.outcome) : null;
  const result = ended !== null && !(ended.outcome instanceof Refusal) ? ended.outcome : null;
  return {
    kind: "bigquery#job",
    id: `${project}:${location}.${job.id}`,
    jobReference: reference(job),
    user_email: job.identity ?? undefined,
    configuration: { jobType: "QUERY" },
    status: {
      state: ended === null ? "RUNNING" : "DONE",
      ...(error === null ? {} : { errorResult: error, errors: [error] }),
    },
    statistics: {
      creationTime: String(job.startedMs),
      startTime: String(job.startedMs),
      ...(ended === null ? {} : { endTime: String(ended.atMs) }),
      query: {
        statementType: job.kind,
        ...(result === null || result.affected === null ? {} : { numDmlAffectedRows: String(result.affected) }),
        ...(result === null || result.dmlStats === null ? {} : { dmlStats: result.dmlStats }),
      },
    },
  };
}

function errorProto({ reason, message }: Refusal): Record<string, string> {
  return { reason, message };
}

function reference(job: Job): Record<string, string> {
  return { projectId: project, jobId: job.id, location };
}

/** As many rows from there on as were asked for and as a reply may hold. */
function pageOf(rows: readonly unknown[], page: Page): readonly unknown[] {
  const asked = rows.slice(page.from, page.rows === null ? undefined : page.from + page.rows);
  let bytes = 0;
  const end = asked.findIndex((row) => {
    bytes += Buffer.byteLength(JSON.stringify(row));
    return bytes > page.bytes;
  });
  if (end !== 0) return end === -1 ? asked : asked.slice(0, end);
  throw new Refusal(403, "responseTooLarge", "Response too large to return.");
}
