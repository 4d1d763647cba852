import { project } from "./place.ts";
import { Refusal } from "./replies.ts";

/**
 * Documented limits of BigQuery that a store of small rows can meet.
 * Source: https://cloud.google.com/bigquery/quotas and …/docs/data-manipulation-language
 */
export const limits = {
  /** Bytes of a request with its parameters. */
  requestBytes: 10 * 1024 * 1024,
  /** Characters of the SQL text. */
  sqlLength: 1024 * 1024,
  parameters: 10_000,
  /** Bytes of one page of rows. */
  responseBytes: 20 * 1024 * 1024,
  /** UPDATE, DELETE and MERGE that run at once on one table, and that wait. */
  mutatingAtOnce: 2,
  mutatingQueued: 20,
  /** A request id is remembered for 15 minutes. */
  requestIdMs: 15 * 60_000,
  /** Rows of tabledata.insertAll keep a table from being changed for 30 minutes. */
  streamingBufferMs: 30 * 60_000,
} as const;

/** @throws Refusal when the SQL or the number of parameters is beyond what BigQuery takes. */
export function checkSize(sql: string, parameters: number): void {
  if (sql.length > limits.sqlLength) {
    throw new Refusal(
      400,
      "invalid",
      "The query is too large. The maximum standard SQL query length is 1024.00K characters, including comments and white space characters.",
    );
  }
  if (parameters > limits.parameters) {
    throw new Refusal(
      400,
      "invalidQuery",
      `Too many query parameters: ${parameters}, the limit is ${limits.parameters}`,
    );
  }
}

/** Per table: two mutating statements at once, twenty more in a queue, and no further. */
export class MutatingQueue {
  readonly #tables = new Map<string, { running: number; waiting: (() => void)[] }>();

  /**
   * Waits for a turn and answers what ends it.
   *
   * @throws Refusal 400 invalidQuery when twenty wait already.
   */
  async enter(table: string): Promise<() => void> {
    const state = this.#tables.get(table) ?? { running: 0, waiting: [] };
    this.#tables.set(table, state);
    if (state.running < limits.mutatingAtOnce) state.running += 1;
    else if (state.waiting.length >= limits.mutatingQueued) throw tooManyDml(table);
    else await new Promise<void>((resolve) => state.waiting.push(resolve));
    return () => {
      const next = state.waiting.shift();
      if (next === undefined) state.running -= 1;
      else next();
    };
  }
}

export function tooManyDml(table: string): Refusal {
  return new Refusal(
    400,
    "invalidQuery",
    `Resources exceeded during query execution: Too many DML statements outstanding against table ${project}:${table}, limit is ${limits.mutatingQueued}.`,
  );
}
