import { randomUUID } from "node:crypto";
import type { Clock } from "../../ports/clock.ts";
import type { Row } from "../stored/rows.ts";
import { Failure } from "./bigquery-failure.ts";
import { type Patience, timeFor } from "./bigquery-patience.ts";
import { type Parameters, queryParameters } from "./bigquery-values.ts";
import { openWire, type Result, type WireSettings } from "./bigquery-wire.ts";

/** Runs one statement at a time against BigQuery, each a transaction of its own. */
export interface BigQueryDatabase {
  /** The rows of a SELECT. @throws Fault `store_unavailable`, `internal` */
  all(name: string, sql: string, parameters: Parameters, patience?: Patience): Promise<Row[]>;
  /**
   * DML of which it is all the same whether it takes effect twice.
   *
   * @returns how many rows it changed, or what is left for a repetition to change
   * @throws Fault `store_unavailable`, where it may have taken effect; `internal`
   */
  change(name: string, sql: string, parameters: Parameters, patience?: Patience): Promise<number>;
  /**
   * DML whose count decides something: 0 is never what is left for a repetition.
   *
   * @returns how many rows it changed
   * @throws Fault `store_unavailable`, where it may have taken effect; `internal`
   */
  decide(name: string, sql: string, parameters: Parameters, patience?: Patience): Promise<number>;
  close(): void;
}

export interface BigQuerySettings extends WireSettings {
  clock: Pick<Clock, "monotonic" | "sleep">;
  /** Told the name of every statement that is sent, once, however often it is repeated. */
  onStatement?: (name: string) => void;
}

const READ: Patience = { totalMs: 8_000, replyMs: 3_000 };
const WRITE: Patience = { totalMs: 12_000, replyMs: 5_000 };
/** A statement of the sweep or of an operator, over many rows: a function with minutes to go waits for it. */
export const BULK: Patience = { totalMs: 20_000, replyMs: 8_000 };

/** BigQuery refuses a request of more than 10 MB. Source: https://cloud.google.com/bigquery/quotas, query jobs */
const MOST_BYTES = 10_000_000;

interface Statement {
  name: string;
  sql: string;
  parameters: Parameters;
  patience: Patience;
  isRead: boolean;
}

/**
 * @throws Fault `internal` where the environment sends the client elsewhere
 */
export function openBigQueryDatabase(settings: BigQuerySettings): BigQueryDatabase {
  const wire = openWire(settings);
  let closed = false;

  /**
   * Sends a statement until it is answered. What may have taken effect is repeated under the id that it had: to such a
   * repetition BigQuery gives the first one's result, for 15 minutes.
   * Source: https://cloud.google.com/bigquery/docs/reference/rest/v2/jobs/query (`requestId`)
   *
   * @throws Fault `store_unavailable`, `internal`
   */
  async function insist<Value>(
    statement: Statement,
    read: (result: Result, isUncertain: boolean) => Value,
  ): Promise<Value> {
    const { name, sql, patience, isRead } = statement;
    const parameters = queryParameters(statement.parameters);
    if (Buffer.byteLength(JSON.stringify(parameters)) + Buffer.byteLength(sql) > MOST_BYTES)
      throw new Failure("refused").fault(false);
    settings.onStatement?.(name);
    const time = timeFor(patience, settings.clock);
    let requestId: string = randomUUID();
    let isUncertain = false;
    for (let tries = 0; ; tries += 1) {
      try {
        if (closed) throw new Failure("closed");
        return read(await wire.send({ name, sql, parameters, requestId }, time), isUncertain);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        if (error.policy.effect === "unknown" && !isRead) isUncertain = true;
        else requestId = randomUUID();
        if (!error.policy.again || !(await time.pause(tries))) throw error.fault(isUncertain);
      }
    }
  }

  return {
    all: (name, sql, parameters, patience = READ) =>
      insist({ name, sql, parameters, patience, isRead: true }, ({ rows }) => {
        if (rows === null) throw new Failure("no_answer");
        return rows;
      }),
    change: (name, sql, parameters, patience = WRITE) =>
      insist({ name, sql, parameters, patience, isRead: false }, ({ changed }) => {
        if (changed === null) throw new Failure("no_answer");
        return changed;
      }),
    decide: (name, sql, parameters, patience = WRITE) =>
      insist({ name, sql, parameters, patience, isRead: false }, ({ changed }, isUncertain) => {
        if (changed === null) throw new Failure("no_answer");
        if (changed === 0 && isUncertain) throw new Failure("no_answer").fault(true);
        return changed;
      }),
    close() {
      closed = true;
      wire.close();
    },
  };
}
