import { isRecord, listOf, recordOf, textOf } from "./json.ts";

/** An answer that is an error, in the shape of Google's APIs. */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** What a statement came to: a reply as the emulator gives it. */
export interface Result {
  /** Columns as in `schema.fields`; none for DML. */
  fields: readonly unknown[];
  rows: readonly unknown[];
  /** Null for a SELECT. */
  affected: number | null;
  dmlStats: Record<string, string> | null;
}

const STATUS_NAMES: Readonly<Record<number, string>> = {
  400: "INVALID_ARGUMENT",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "NOT_FOUND",
  409: "ALREADY_EXISTS",
  500: "INTERNAL",
  503: "UNAVAILABLE",
};

/** `{error: {code, message, errors: [{message, domain, reason}], status}}`. */
export function errorBody(refusal: Refusal): Record<string, unknown> {
  const { status, reason, message } = refusal;
  const place = reason === "invalidQuery" ? { location: "q", locationType: "parameter" } : {};
  return {
    error: {
      code: status,
      message,
      errors: [{ message, domain: "global", reason, ...place }],
      status: STATUS_NAMES[status] ?? "UNKNOWN",
    },
  };
}

/** What the emulator answered, in words of BigQuery where they differ. */
export function resultOf(kind: string, answer: { status: number; body: unknown }): Result {
  const body = recordOf(answer.body);
  if (answer.status !== 200) throw refusalOf(body);
  const affected = body["numDmlAffectedRows"];
  return {
    fields: listOf(recordOf(body["schema"])["fields"]),
    rows: listOf(body["rows"]),
    affected: affected === undefined ? null : Number(affected),
    dmlStats: affected === undefined ? null : statsOf(kind, textOf(affected)),
  };
}

/** The emulator says `invalid` and passes DuckDB's words on; BigQuery says `invalidQuery`. */
function refusalOf(body: Record<string, unknown>): Refusal {
  const message = textOf(recordOf(body["error"])["message"]);
  const required = /NOT NULL constraint failed: (?:\w+\.)*(\w+)/.exec(message)?.[1];
  if (required !== undefined) return new Refusal(400, "invalidQuery", `Required field ${required} cannot be null`);
  const column = /(?:Referenced|Binder).*column "?([\w.]+)"? .*(?:not found|does not have)/i.exec(message)?.[1];
  if (column !== undefined) return new Refusal(400, "invalidQuery", `Unrecognized name: ${column}`);
  return new Refusal(400, "invalidQuery", message === "" ? "The query could not be run" : message);
}

function statsOf(kind: string, affected: string): Record<string, string> {
  const [insertedRowCount, updatedRowCount, deletedRowCount] = ["INSERT", "UPDATE", "DELETE"].map((one) =>
    one === kind ? affected : "0",
  );
  return {
    insertedRowCount: insertedRowCount ?? "0",
    updatedRowCount: updatedRowCount ?? "0",
    deletedRowCount: deletedRowCount ?? "0",
  };
}

/** How timestamps are asked for: whole microseconds, or seconds as a float (what REST answers when not told). */
export interface Format {
  int64Timestamps: boolean;
}

/** Rows as they go out: JSON the way BigQuery keeps it (no spaces, members by name), timestamps as asked for. */
export function shownRows(fields: readonly unknown[], rows: readonly unknown[], format: Format): unknown[] {
  const types = fields.map((field) => textOf(recordOf(field)["type"]));
  const plain = types.every((type) => type !== "JSON" && (type !== "TIMESTAMP" || format.int64Timestamps));
  if (plain) return [...rows];
  return rows.map((row) => ({
    f: listOf(recordOf(row)["f"]).map((cell, at) => ({ v: shownValue(types[at] ?? "", recordOf(cell)["v"], format) })),
  }));
}

function shownValue(type: string, value: unknown, format: Format): unknown {
  if (Array.isArray(value)) return value.map((one) => ({ v: shownValue(type, recordOf(one)["v"], format) }));
  if (typeof value !== "string") return value;
  if (type === "JSON") return normalJson(value);
  if (type === "TIMESTAMP" && !format.int64Timestamps) return (Number(value) / 1e6).toExponential().replace("e+", "E");
  return value;
}

/**
 * BigQuery parses JSON on its way in: spaces go, and the order of members is not kept.
 * Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#json_type
 */
function normalJson(text: string): string {
  if (/\d{16}/.test(text)) return text; // a number that JavaScript would round
  return JSON.stringify(JSON.parse(text), (_, value: unknown) =>
    isRecord(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))) : value,
  );
}
