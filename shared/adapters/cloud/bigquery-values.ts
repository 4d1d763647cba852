import { isRecord } from "../stored/json.ts";
import { type Columns, encodeRow, type Row } from "../stored/rows.ts";

/** A statement's parameters by name: STRING, INT64, or ARRAY<STRING>, which the JSON rows of `jsonRows` are sent as. */
export type Parameters = Readonly<Record<string, string | number | readonly string[]>>;

/** A parameter as the REST API takes it. Never NULL: "a query parameter value can't be NULL". */
export interface QueryParameter {
  name: string;
  parameterType: { type: string; arrayType?: { type: string } };
  parameterValue: { value: string } | { arrayValues: Array<{ value: string }> };
}

/** The client replaces this in everything that it sends, what is to be stored included (projectify 6.0.0). */
const CLIENT_TOKEN = "{{projectId}}";

/** A JSON text for a parameter, with nothing in it that the client would replace. */
export function jsonText(value: unknown): string {
  // JSON itself never has two braces in a row, so these stand inside a string, where an escape means the same.
  return JSON.stringify(value).replaceAll(CLIENT_TOKEN, "{\\u007bprojectId}}");
}

/** Each row as one JSON text, for `decoded` to take apart. */
export function jsonRows<T>(columns: Columns<T>, rows: ReadonlyArray<Partial<T> & object>): string[] {
  return rows.map((row) => jsonText(encodeRow(columns, row, "base64")));
}

/**
 * The rows, none of which speaks of the same as another: an UPDATE of BigQuery fails where two rows match one.
 *
 * @throws TypeError
 */
export function eachOnce<T>(rows: readonly T[], named: (row: T) => string): readonly T[] {
  if (new Set(rows.map(named)).size !== rows.length) throw new TypeError("a statement names the same row twice");
  return rows;
}

/** @throws RangeError for text that the client would change on its way */
export function queryParameters(parameters: Parameters): QueryParameter[] {
  return Object.entries(parameters).map(([name, value]) => {
    if (typeof value === "number")
      return { name, parameterType: { type: "INT64" }, parameterValue: { value: String(value) } };
    if (typeof value === "string")
      return { name, parameterType: { type: "STRING" }, parameterValue: { value: unchanged(value) } };
    return {
      name,
      parameterType: { type: "ARRAY", arrayType: { type: "STRING" } },
      parameterValue: { arrayValues: value.map((one) => ({ value: unchanged(one) })) },
    };
  });
}

function unchanged(text: string): string {
  if (text.includes(CLIENT_TOKEN)) throw new RangeError("a parameter holds what the client would replace");
  return text;
}

/** One column of a reply. */
export interface Field {
  name: string;
  type: string;
  repeated: boolean;
}

/** The columns of a reply, `null` where it does not say them as the API does. */
export function readFields(reply: Readonly<Record<string, unknown>>): Field[] | null {
  const schema = reply["schema"];
  const fields = isRecord(schema) ? schema["fields"] : undefined;
  if (!Array.isArray(fields)) return null;
  const read = fields.map((field: unknown) => {
    const { name, type, mode } = isRecord(field) ? field : {};
    return typeof name === "string" && typeof type === "string" ? { name, type, repeated: mode === "REPEATED" } : null;
  });
  const known = read.filter((field) => field !== null);
  return known.length === read.length ? known : null;
}

/** The rows of a reply in the form that every store's readers take, `null` where it is not what the API sends. */
export function readRows(reply: Readonly<Record<string, unknown>>, fields: readonly Field[]): Row[] | null {
  const rows = reply["rows"] ?? [];
  if (!Array.isArray(rows)) return null;
  const read = rows.map((row: unknown) => readRow(row, fields));
  const known = read.filter((row) => row !== null);
  return known.length === read.length ? known : null;
}

function readRow(row: unknown, fields: readonly Field[]): Row | null {
  const cells = isRecord(row) ? row["f"] : undefined;
  if (!Array.isArray(cells) || cells.length !== fields.length) return null;
  const read: Record<string, Row[string]> = {};
  for (const [index, field] of fields.entries()) {
    const cell: unknown = cells[index];
    const value = isRecord(cell) && "v" in cell ? readCell(field, cell["v"]) : undefined;
    if (value === undefined) return null;
    read[field.name] = value;
  }
  return read;
}

/** @returns `undefined` where the value is not one of the column's type */
function readCell(field: Field, value: unknown): Row[string] | undefined {
  if (field.repeated) return readList(value);
  if (value === null) return null;
  if (typeof value !== "string") return undefined;
  switch (field.type) {
    case "STRING":
    case "JSON":
      return value;
    case "INTEGER":
    case "INT64":
      return /^-?\d{1,20}$/.test(value) ? BigInt(value) : undefined;
    case "BOOLEAN":
    case "BOOL":
      return value === "true" ? 1 : value === "false" ? 0 : undefined;
    case "BYTES":
      return readBytes(value);
    case "TIMESTAMP":
      return /^-?\d{1,18}$/.test(value) ? readMicroseconds(BigInt(value)) : undefined;
    default:
      return undefined;
  }
}

function readList(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined;
  const texts = value.map((one: unknown) => (isRecord(one) ? one["v"] : undefined));
  return texts.every((text) => typeof text === "string") ? JSON.stringify(texts) : undefined;
}

/** `Buffer.from` leaves out what is not base64 without a word. */
function readBytes(value: string): Buffer | undefined {
  const bytes = Buffer.from(value, "base64");
  return bytes.toString("base64") === value ? bytes : undefined;
}

/** What is finer than a millisecond was not written by us, and is cut off. */
function readMicroseconds(micros: bigint): string {
  return new Date(Number(micros / 1000n)).toISOString();
}
