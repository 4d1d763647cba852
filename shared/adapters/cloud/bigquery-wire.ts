import { BigQuery, type BigQueryOptions } from "@google-cloud/bigquery";
import type { GoogleAuth } from "google-auth-library";
import { Fault } from "../../contract/fault.ts";
import { isRecord } from "../stored/json.ts";
import type { Row } from "../stored/rows.ts";
import { abortable } from "./bigquery-abort.ts";
import { Failure, failureOf, type Word } from "./bigquery-failure.ts";
import { LATE_MS, type Time } from "./bigquery-patience.ts";
import { type QueryParameter, readFields, readRows } from "./bigquery-values.ts";

/** A statement as it is sent. */
export interface Sent {
  name: string;
  sql: string;
  parameters: QueryParameter[];
  /** What tells a repetition from another statement. */
  requestId: string;
}

/** Rows of a SELECT, or how many rows DML has changed. */
export type Result = { rows: Row[]; changed: null } | { rows: null; changed: number };

/** The way to BigQuery and back. */
export interface Wire {
  /** Sends a statement once and waits for its result. @throws Failure */
  send(sent: Sent, time: Time): Promise<Result>;
  close(): void;
}

export interface WireSettings {
  auth: GoogleAuth;
  project: string;
  /** Where the datasets are, like `US`: sent with every statement, since the client does not send its own. */
  location: string;
  /** Another endpoint, like `http://127.0.0.1:9050`, for tests; `null` is Google's. */
  apiEndpoint: string | null;
}

type Reply = Readonly<Record<string, unknown>>;
type Call = { method: "POST"; uri: string; json: object } | { method: "GET"; uri: string; qs: object };

/** A question about a job that may be put again. */
const passing: ReadonlySet<Word> = new Set<Word>(["no_answer", "not_sent", "busy"]);
/** A question about a job that nobody answers any more: what became of the job is not said by that. */
const lost: ReadonlySet<Word> = new Set<Word>(["missing", "denied", "quota"]);

/**
 * The official client, for its tokens and its transport. The requests are our own, because its `query()` (9.3.0) sends
 * each call under an id that nobody else knows, which a repetition needs so as not to take effect twice, and ends the
 * process by an unhandled rejection where a reply names no job. Its retries are off: they know neither what a statement
 * does nor when its time is up.
 *
 * @throws Fault `internal` where the environment sends the client elsewhere
 */
export function openWire({ auth, project, location, apiEndpoint }: WireSettings): Wire {
  const options: BigQueryOptions = {
    projectId: project,
    ...(apiEndpoint === null ? {} : { apiEndpoint }),
    retryOptions: { autoRetry: false },
  };
  // The client takes a GoogleAuth here, and its own types know that in their base class only.
  Reflect.set(options, "authClient", auth);
  const client = new BigQuery(options);
  if (!client.baseUrl.startsWith(apiEndpoint ?? "https://bigquery.googleapis.com/"))
    throw new Fault("internal", { cause: new Error("BIGQUERY_EMULATOR_HOST sends statements elsewhere: unset it") });
  const requests = abortable();

  /** One request and its reply. @param waitsMs how long BigQuery was told to wait before it says anything @throws Failure */
  async function ask(call: Call, waitsMs: number): Promise<Reply> {
    const answered = Promise.withResolvers<unknown>();
    const attempt = requests.begin(() =>
      client.request(call, (error, body) => (error === null ? answered.resolve(body) : answered.reject(error))),
    );
    const timer = setTimeout(() => answered.reject(new Failure("no_answer")), waitsMs + LATE_MS);
    try {
      const body = await answered.promise;
      if (!isRecord(body)) throw new Failure("no_answer");
      return body;
    } catch (error) {
      throw failureOf(error, attempt.wasSent());
    } finally {
      clearTimeout(timer);
      attempt.end();
    }
  }

  /** Asks for a job's result, from its beginning or from a page on. @throws Failure */
  async function look(jobReference: unknown, page: { pageToken?: string }, time: Time): Promise<Reply> {
    const job = isRecord(jobReference) ? jobReference : {};
    const { jobId } = job;
    if (typeof jobId !== "string" || !/^[\w-]{1,1024}$/.test(jobId)) throw new Failure("no_answer");
    const at = typeof job["location"] === "string" ? job["location"] : location;
    for (let tries = 0; ; tries += 1) {
      if (time.leftMs() <= LATE_MS) throw new Failure("still_running");
      const timeoutMs = time.nextMs();
      const qs = { location: at, timeoutMs, "formatOptions.useInt64Timestamp": true, ...page };
      try {
        const reply = await ask({ method: "GET", uri: `/queries/${jobId}`, qs }, timeoutMs);
        if (reply["jobComplete"] === true) return reply;
      } catch (error) {
        // The job goes on, whatever becomes of a question about it.
        if (error instanceof Failure && lost.has(error.word)) throw new Failure("no_answer");
        if (!(error instanceof Failure) || !passing.has(error.word)) throw error;
      }
      if (!(await time.pause(tries))) throw new Failure("still_running");
    }
  }

  /** Reads a reply to its last page. @throws Failure where it is not one of BigQuery's */
  async function collect(first: Reply, jobReference: unknown, time: Time): Promise<Result> {
    if (first["jobComplete"] !== true) throw new Failure("no_answer");
    const changed = readCount(first["numDmlAffectedRows"]);
    if (changed !== null) return { rows: null, changed };
    const fields = readFields(first);
    if (fields === null) throw new Failure("no_answer");
    const rows: Row[] = [];
    for (let page = first; ; ) {
      const read = readRows(page, fields);
      if (read === null) throw new Failure("no_answer");
      for (const row of read) rows.push(row);
      const { pageToken } = page;
      if (typeof pageToken !== "string" || pageToken === "") break;
      page = await look(jobReference, { pageToken }, time);
    }
    if (readCount(first["totalRows"]) !== rows.length) throw new Failure("no_answer");
    return { rows, changed: null };
  }

  return {
    async send({ name, sql, parameters, requestId }, time) {
      const timeoutMs = time.nextMs();
      const json = {
        query: sql,
        labels: { statement: name },
        useLegacySql: false,
        location,
        requestId,
        parameterMode: "NAMED",
        queryParameters: parameters,
        useQueryCache: false,
        jobCreationMode: "JOB_CREATION_OPTIONAL",
        formatOptions: { useInt64Timestamp: true },
        timeoutMs,
      };
      const reply = await ask({ method: "POST", uri: "/queries", json }, timeoutMs);
      const { jobReference } = reply;
      return await collect(
        reply["jobComplete"] === false ? await look(jobReference, {}, time) : reply,
        jobReference,
        time,
      );
    },
    close: () => requests.abortAll(),
  };
}

/** An INT64 of a reply: decimal text. */
function readCount(value: unknown): number | null {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : null;
}
