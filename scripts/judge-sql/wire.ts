import { isRecord, listOf, recordOf, textOf } from "../../tests/platform/bigquery/json.ts";

/** What an emulator answered to one statement, in a form in which two of them can be compared. */
export interface Outcome {
  /** Rows of a SELECT: each cell as one text; JSON with its members in order, times as microseconds. */
  rows: string[][];
  /** How many rows DML changed; null where the reply does not say. */
  changed: number | null;
  /** Name and type of each column. */
  columns: Column[];
}

interface Column {
  name: string;
  type: string;
  repeated: boolean;
}

/** The emulator refused the statement, or broke off. */
export class Refused extends Error {
  override readonly name = "Refused";
}

export interface Question {
  query: string;
  queryParameters?: unknown;
  location?: string;
}

/** One statement over REST, as the client sends it. @throws Refused */
export async function askEmulator(endpoint: string, project: string, question: Question): Promise<unknown> {
  const answer = await fetch(`${endpoint}/bigquery/v2/projects/${project}/queries`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      useLegacySql: false,
      parameterMode: "NAMED",
      useQueryCache: false,
      formatOptions: { useInt64Timestamp: true },
      ...question,
    }),
  }).catch(() => {
    throw new Refused("the connection broke");
  });
  const body: unknown = await answer.json().catch(() => null);
  if (!answer.ok) throw new Refused(textOf(recordOf(recordOf(body)["error"])["message"]) || `status ${answer.status}`);
  return body;
}

/** A reply of jobs.query as an outcome. @throws Error with the emulator's words where it is none */
export function outcomeOf(reply: unknown): Outcome {
  const body = recordOf(reply);
  if (body["jobComplete"] !== true) throw new Error(textOf(recordOf(body["error"])["message"]) || "no reply");
  const fields = listOf(recordOf(body["schema"])["fields"]).map(recordOf);
  const columns = fields.map((field) => ({
    name: textOf(field["name"]),
    type: TYPES[textOf(field["type"])] ?? textOf(field["type"]),
    repeated: field["mode"] === "REPEATED",
  }));
  const rows = listOf(body["rows"]).map((row) => {
    const cells = listOf(recordOf(row)["f"]);
    return columns.map((column, place) => cellOf(column, recordOf(cells[place])["v"] ?? null));
  });
  const changed = body["numDmlAffectedRows"];
  return { rows, columns, changed: typeof changed === "string" ? Number(changed) : null };
}

const TYPES: Record<string, string> = { INT64: "INTEGER", FLOAT64: "FLOAT", BOOL: "BOOLEAN" };

function cellOf(column: Column, value: unknown): string {
  if (column.repeated) {
    const items = listOf(value).map((one) => cellOf({ ...column, repeated: false }, recordOf(one)["v"] ?? null));
    return `[${items.join(", ")}]`;
  }
  if (value === null) return "NULL";
  const text = String(value);
  if (column.type === "TIMESTAMP") return microseconds(text);
  if (column.type === "FLOAT") return String(Number(text));
  // One judge loses the type of JSON in views and arrays, so what reads as an object is compared as one.
  if (column.type === "JSON" || /^[[{]/.test(text)) return json(text);
  return text;
}

function json(text: string): string {
  try {
    return JSON.stringify(sorted(JSON.parse(text)));
  } catch {
    return text;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([left], [right]) => (left < right ? -1 : 1))
      .map(([name, member]) => [name, sorted(member)]),
  );
}

/** Times come as microseconds, as seconds with a fraction, or written out. */
function microseconds(text: string): string {
  if (/^-?\d+$/.test(text)) return text;
  if (/^-?[\d.]+(?:[eE][+-]?\d+)?$/.test(text)) return String(Math.round(Number(text) * 1e6));
  return String(Date.parse(text.replace(" UTC", "Z")) * 1000);
}
