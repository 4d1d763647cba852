import { listOf, recordOf, textOf } from "./json.ts";

/**
 * Rows of a reply as plain objects: INT64 and FLOAT64 as number, BOOL as boolean, BYTES as Buffer, TIMESTAMP as ISO
 * text, JSON parsed, arrays as arrays.
 *
 * @throws Error with the emulator's words when the reply is an error.
 */
export function rowsOf(reply: unknown): Record<string, unknown>[] {
  const body = recordOf(reply);
  const error = recordOf(body["error"]);
  if (error["message"] !== undefined) throw new Error(textOf(error["message"]));
  const fields = listOf(recordOf(body["schema"])["fields"]).map(recordOf);
  return listOf(body["rows"]).map((row) => {
    const cells = listOf(recordOf(row)["f"]);
    return Object.fromEntries(fields.map((field, at) => [textOf(field["name"]), decoded(field, cells[at])]));
  });
}

function decoded(field: Record<string, unknown>, cell: unknown): unknown {
  const value = recordOf(cell)["v"];
  if (value === null || value === undefined) return null;
  if (field["mode"] === "REPEATED") return listOf(value).map((one) => decoded({ ...field, mode: "NULLABLE" }, one));
  const text = textOf(value);
  switch (field["type"]) {
    case "INTEGER":
    case "INT64":
    case "FLOAT":
    case "FLOAT64":
      return Number(text);
    case "BOOLEAN":
    case "BOOL":
      return text === "true";
    case "BYTES":
      return Buffer.from(text, "base64");
    case "TIMESTAMP":
      return new Date(Number(BigInt(text) / 1000n)).toISOString();
    case "JSON":
      return JSON.parse(text);
    default:
      return value;
  }
}
