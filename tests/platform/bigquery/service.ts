import { setTimeout as delay } from "node:timers/promises";
import { type Allows, identityOf } from "../bearer.ts";
import type { Catalog } from "./catalog.ts";
import type { Engine } from "./engine.ts";
import { type Job, type Jobs, jobBody, type Page, pendingBody, resultBody } from "./jobs.ts";
import { isRecord, recordOf, textOf } from "./json.ts";
import { demand, right } from "./permissions.ts";
import { location, project } from "./place.ts";
import type { Queries } from "./queries.ts";
import { Refusal } from "./replies.ts";
import { jobRequestOf, queryRequestOf } from "./request.ts";
import { type Answer, type Asked, whole } from "./wire.ts";

export interface ServiceParts {
  engine: Engine;
  catalog: Catalog;
  queries: Queries;
  jobs: Jobs;
  allows: Allows | undefined;
  /** Whether a SELECT may come without a job where the caller leaves that to BigQuery. */
  shortQueries: boolean;
  /** Bytes of rows in one reply. */
  replyBytes: number;
}

/** The methods of BigQuery's REST API that are there: queries, jobs, and tables as far as clients ask about them. */
export class Service {
  readonly #parts: ServiceParts;

  constructor(parts: ServiceParts) {
    this.#parts = parts;
  }

  answer(asked: Asked): Promise<Answer> {
    const [, collection, id, verb] = asked.path.split("/").map(decodeURIComponent);
    const route = `${asked.method} ${collection}${id === undefined ? "" : "/:id"}${verb === undefined ? "" : `/${verb}`}`;
    switch (route) {
      case "POST queries":
        return this.#query(asked);
      case "GET queries/:id":
        return this.#results(asked, id ?? "");
      case "POST jobs":
        return this.#insertJob(asked);
      case "GET jobs/:id":
        return this.#job(asked, id ?? "");
      case "POST jobs/:id/cancel":
        return this.#cancel(asked, id ?? "");
      default:
        return this.#resource(asked);
    }
  }

  /** jobs.query: waits for the result as long as the caller does, ten seconds where that is not said. */
  #query(asked: Asked): Promise<Answer> {
    const body = recordOf(asked.body);
    const caller = {
      identity: identityOf(asked.authorization),
      requestId: textOf(body["requestId"]),
      jobId: undefined,
    };
    const kind = "bigquery#queryResponse";
    const page: Page = {
      from: 0,
      rows: typeof body["maxResults"] === "number" ? body["maxResults"] : null,
      bytes: this.#parts.replyBytes,
      int64Timestamps: recordOf(body["formatOptions"])["useInt64Timestamp"] === true,
    };
    const timeoutMs = typeof body["timeoutMs"] === "number" ? body["timeoutMs"] : 10_000;
    return this.#parts.queries.submit(queryRequestOf(body), caller, async (job) => {
      if (job.hiddenPolls > 0 || !(await hasEnded(job, timeoutMs))) return pendingBody(job, kind);
      const outcome = await job.outcome;
      if (outcome instanceof Refusal) throw outcome;
      const hasJob =
        !this.#parts.shortQueries || body["jobCreationMode"] !== "JOB_CREATION_OPTIONAL" || job.kind !== "SELECT";
      return resultBody(job, outcome, page, kind, hasJob);
    });
  }

  /** jobs.insert: answers at once; the result is asked for later. */
  #insertJob(asked: Asked): Promise<Answer> {
    const body = recordOf(asked.body);
    const { queries, jobs } = this.#parts;
    const jobId = textOf(recordOf(body["jobReference"])["jobId"]) || undefined;
    if (!isRecord(recordOf(body["configuration"])["query"]))
      throw new Refusal(400, "invalid", "The simulator runs query jobs only");
    if (jobId !== undefined && jobs.has(jobId))
      throw new Refusal(409, "duplicate", `Already Exists: Job ${project}:${location}.${jobId}`);
    const caller = { identity: identityOf(asked.authorization), requestId: "", jobId };
    return queries.submit(jobRequestOf(body), caller, async (job) => jobBody(job));
  }

  async #job(asked: Asked, id: string): Promise<Answer> {
    return whole(jobBody(this.#find(asked, id)));
  }

  /** jobs.cancel: promises nothing, as in BigQuery; here the job goes on. */
  async #cancel(asked: Asked, id: string): Promise<Answer> {
    return whole({ kind: "bigquery#jobCancelResponse", job: jobBody(this.#find(asked, id)) });
  }

  /** jobs.getQueryResults: waits likewise; of a job that has failed it answers the error. */
  async #results(asked: Asked, id: string): Promise<Answer> {
    const job = this.#find(asked, id);
    const kind = "bigquery#getQueryResultsResponse";
    const timeoutMs = Number(asked.query.get("timeoutMs") ?? 10_000);
    if (job.hiddenPolls > 0) {
      job.hiddenPolls -= 1;
      await delay(Math.min(timeoutMs, 25)); // BigQuery waits out the caller's timeout; a test need not
      return whole(pendingBody(job, kind));
    }
    if (!(await hasEnded(job, timeoutMs))) return whole(pendingBody(job, kind));
    const outcome = await job.outcome;
    if (outcome instanceof Refusal) throw outcome;
    const token = asked.query.get("pageToken");
    const rows = asked.query.get("maxResults");
    const page: Page = {
      from: Number(token === null ? (asked.query.get("startIndex") ?? 0) : Buffer.from(token, "base64url").toString()),
      rows: rows === null ? null : Number(rows),
      bytes: this.#parts.replyBytes,
      int64Timestamps: asked.query.get("formatOptions.useInt64Timestamp") === "true",
    };
    return whole(resultBody(job, outcome, page, kind, true));
  }

  #find(asked: Asked, id: string): Job {
    const job = this.#parts.jobs.find(id);
    const place = asked.query.get("location");
    if (place !== null && place.toUpperCase() !== location)
      throw new Refusal(404, "notFound", `Not found: Job ${project}:${place}.${id}`);
    if (this.#parts.allows !== undefined && identityOf(asked.authorization) !== job.identity)
      throw new Refusal(403, "accessDenied", `Access Denied: Job ${project}:${location}.${id}`);
    return job;
  }

  /** Datasets and tables: handed on to the emulator, to those who may. */
  async #resource(asked: Asked): Promise<Answer> {
    const { engine, queries, catalog, allows } = this.#parts;
    const [, collection, dataset = "", , table, verb] = asked.path.split("/").map(decodeURIComponent);
    if (collection !== "datasets") throw new Refusal(404, "notFound", "Not Found");
    const name = table === undefined ? dataset : `${dataset}.${table}`;
    demand(allows, identityOf(asked.authorization), [right(name, actionOf(asked.method, verb))]);
    const path = `/bigquery/v2/projects/${project}${asked.path}?${asked.query}`;
    const answer = await engine.alone(() => engine.ask(asked.method, path, asked.body ?? undefined));
    if (asked.method !== "GET" && verb === undefined) catalog.delete(name); // to be looked at anew
    if (verb === "insertAll" && answer.status === 200) queries.streamed(name);
    return whole(answer.body, answer.status);
  }
}

function actionOf(method: string, verb: string | undefined): string {
  if (verb === "insertAll") return "append";
  if (verb === "data") return "read";
  return method === "GET" ? "describe" : "create";
}

/** Whether the job ends within that time. */
async function hasEnded(job: Job, timeoutMs: number): Promise<boolean> {
  if (job.ended !== null) return true;
  const timer = new AbortController();
  const late = delay(timeoutMs, false, { signal: timer.signal, ref: false }).catch(() => false);
  const ended = await Promise.race([job.outcome.then(() => true), late]);
  timer.abort();
  return ended;
}
