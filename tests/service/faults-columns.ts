import type { FaultKind, Fault as StoreFault } from "../platform/bigquery/faults.ts";
import type { KmsSim } from "../platform/kms/start.ts";
import { type End, kindOf } from "./faults-cells.ts";
import type { Operation } from "./faults-operations.ts";

/** What befalls a statement, on which kinds of it, and how an operation ends that it befalls once. */
export interface Column {
  name: FaultKind;
  fault: StoreFault;
  on: ReadonlyArray<"SELECT" | "INSERT" | "UPDATE">;
  ends: End;
  /** Whether it befalls every statement of every operation, since which one it is decides what is left behind. */
  everywhere: boolean;
}

const any = ["SELECT", "INSERT", "UPDATE"] as const;

function column(fault: StoreFault, more: Partial<Column> = {}): Column {
  const name = typeof fault === "string" ? fault : fault.kind;
  return { name, fault, on: any, ends: "well", everywhere: false, ...more };
}

/** Faults of BigQuery that are over at once. */
export const columns: readonly Column[] = [
  column("unavailable"),
  column("internal"),
  column("html"),
  column("reset_before"),
  column("reset_after", { everywhere: true }),
  column("truncated"),
  column("garbage"),
  column("missing_rows", { on: ["SELECT"] }),
  column({ kind: "slow", ms: 200 }),
  column("rate_limit_403"),
  column("job_rate_limit_400"),
  column("quota_403", { ends: "refused", everywhere: true }),
  column("serialization", { on: ["UPDATE"] }),
  column("too_many_dml", { on: ["UPDATE"] }),
  column("streaming_buffer", { on: ["UPDATE"], ends: "refused" }),
  column("no_job_reference"),
  column({ kind: "pending", polls: 2 }),
  column("job_error"),
];

/** One statement of an operation, and what befalls it. */
export interface Strike extends Column {
  statement: string;
  /** How many statements of that name go before it. */
  passes: number;
}

/**
 * Every fault on every operation that it can befall, at that of its statements which it has befallen least so far; those
 * that decide by where they strike, at each of them.
 */
export function strikes(operations: readonly Operation[]): Map<Operation, Strike[]> {
  const times = new Map<string, number>();
  const place = ({ name }: Column, statement: string) => `${name} ${statement}`;
  const timesOf = (column: Column, statement: string) => times.get(place(column, statement)) ?? 0;
  const all = new Map<Operation, Strike[]>();
  for (const operation of operations) {
    const mine: Strike[] = [];
    for (const column of columns) {
      const open = operation.statements
        .map((statement, index) => ({
          ...column,
          statement,
          passes: operation.statements.slice(0, index).filter((one) => one === statement).length,
        }))
        .filter(({ statement }) => column.on.includes(kindOf(statement)));
      const rarest = [...open].sort(
        (left, right) => timesOf(column, left.statement) - timesOf(column, right.statement),
      );
      const chosen = column.everywhere ? open : rarest.slice(0, 1);
      for (const one of chosen) times.set(place(column, one.statement), timesOf(column, one.statement) + 1);
      mine.push(...chosen);
    }
    all.set(operation, mine);
  }
  return all;
}

/** Faults of Cloud KMS that are over at once, in which every operation that uses the key ends well. */
export const keyFaults: ReadonlyArray<[string, Parameters<KmsSim["faults"]["next"]>[0], "any" | "encrypt"]> = [
  ["unavailable", "unavailable", "any"],
  ["resource_exhausted", "resource_exhausted", "any"],
  ["slow", { slow: 300 }, "any"],
  ["reset_before", "reset_before", "any"],
  ["reset_mid_reply", "reset_mid_reply", "any"],
  ["bit_flipped", "bit_flipped", "any"],
  ["request_flipped", "request_flipped", "any"],
  ["plaintext_unverified", "plaintext_unverified", "encrypt"],
];
