import type { Column } from "./files.ts";

/** A row as it is written down: times as RFC 3339, bytes as Buffer, JSON as any value, records as objects. */
export type Given = Readonly<Record<string, unknown>>;

/** One INSERT of all the rows, values and all, in BigQuery's words: no parameters, so that any emulator takes it. */
export function insertOf(table: string, columns: readonly Column[], rows: readonly Given[]): string {
  const values = rows.map(
    (row) => `(${columns.map((column) => literal(column, row[column.name] ?? null)).join(", ")})`,
  );
  return `INSERT INTO \`${table}\` (${columns.map(({ name }) => name).join(", ")}) VALUES\n${values.join(",\n")}`;
}

function literal(column: Column, value: unknown): string {
  if (column.mode === "REPEATED") {
    const list = Array.isArray(value) ? value : [];
    return `[${list.map((one) => literal({ ...column, mode: "NULLABLE" }, one)).join(", ")}]`;
  }
  if (value === null && column.type !== "RECORD") return `CAST(NULL AS ${standard(column.type)})`;
  switch (column.type) {
    case "RECORD": {
      const members = Object.entries(typeof value === "object" && value !== null ? value : {});
      const given = new Map<string, unknown>(members);
      const fields = column.fields ?? [];
      return `STRUCT(${fields.map((field) => `${literal(field, given.get(field.name) ?? null)} AS ${field.name}`).join(", ")})`;
    }
    case "STRING":
      return quoted(String(value));
    case "TIMESTAMP":
      return `TIMESTAMP ${quoted(String(value).replace("T", " ").replace("Z", "+00"))}`;
    case "BYTES":
      return `FROM_BASE64(${quoted(Buffer.from(value instanceof Uint8Array ? value : []).toString("base64"))})`;
    case "JSON":
      return `PARSE_JSON(${quoted(JSON.stringify(value))})`;
    case "INTEGER":
      return `${Number(value)}`;
    case "FLOAT":
      return `CAST(${Number(value)} AS FLOAT64)`;
    case "BOOLEAN":
      return value === true ? "TRUE" : "FALSE";
    default:
      throw new Error(`no literal for a column of type ${column.type}`);
  }
}

function standard(type: string): string {
  const names: Record<string, string> = { INTEGER: "INT64", FLOAT: "FLOAT64", BOOLEAN: "BOOL" };
  return names[type] ?? type;
}

/** A string literal. Source: https://cloud.google.com/bigquery/docs/reference/standard-sql/lexical#string_and_bytes_literals */
function quoted(text: string): string {
  const escaped = text.replaceAll(/[\\'\n\r]/g, (sign) => {
    const signs: Record<string, string> = { "\n": "\\n", "\r": "\\r" };
    return signs[sign] ?? `\\${sign}`;
  });
  return `'${escaped}'`;
}
