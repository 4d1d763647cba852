import { isRecord, listOf, recordOf, textOf } from "./json.ts";
import { Refusal } from "./replies.ts";

/** How the text of a value must look, by the type it is said to have. */
const SHAPES: Readonly<Record<string, (text: string) => boolean>> = {
  INT64: (text) => /^-?\d{1,19}$/.test(text),
  INTEGER: (text) => /^-?\d{1,19}$/.test(text),
  FLOAT64: (text) => text.trim() !== "" && !Number.isNaN(Number(text)),
  BOOL: (text) => /^(?:true|false)$/i.test(text),
  BOOLEAN: (text) => /^(?:true|false)$/i.test(text),
  BYTES: (text) => /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text),
  TIMESTAMP: (text) => !Number.isNaN(Date.parse(text.replace(/(\.\d{3})\d+/, "$1").replace(/ (?=[\d+-]|UTC)/, "T"))),
  DATE: (text) => /^\d{4}-\d{1,2}-\d{1,2}$/.test(text),
  JSON: isJson,
  STRING: () => true,
};

/** The declared type of each named parameter: `STRING`, `ARRAY<STRING>` … */
export type ParameterTypes = ReadonlyMap<string, string>;

/**
 * Checks the parameters as BigQuery does, where the emulator takes what it is given: each value is a string of its
 * type, none is NULL, every parameter of the statement is there. A Buffer that the client sent as
 * `{"type": "Buffer", "data": […]}` is no string.
 *
 * @throws Refusal 400. The message names the parameter and never its value.
 */
export function checkParameters(parameters: unknown, mode: string, sql: string): ParameterTypes {
  const given = new Map<string, string>();
  for (const one of listOf(parameters)) {
    const parameter = recordOf(one);
    const name = textOf(parameter["name"]);
    const type = recordOf(parameter["parameterType"]);
    given.set(name, typeName(type));
    checkValue(name, type, parameter["parameterValue"]);
  }
  if (mode === "POSITIONAL") throw new Refusal(400, "invalid", "The simulator takes named parameters only");
  for (const [, name = ""] of withoutText(sql).matchAll(/@(\w+)/g)) {
    if (!given.has(name)) throw new Refusal(400, "invalidQuery", `Query parameter '${name}' not found`);
  }
  return given;
}

function checkValue(name: string, type: Record<string, unknown>, given: unknown): void {
  const value = recordOf(given);
  const kind = textOf(type["type"]).toUpperCase();
  if (kind === "ARRAY") {
    const element = recordOf(type["arrayType"]);
    const values = value["arrayValues"];
    if (values !== undefined && !Array.isArray(values)) throw invalid(name, "is no array");
    for (const one of listOf(values)) checkValue(name, element, one);
  } else if (kind === "STRUCT") {
    const members = recordOf(value["structValues"]);
    for (const one of listOf(type["structTypes"])) {
      const member = recordOf(one);
      checkValue(`${name}.${textOf(member["name"])}`, recordOf(member["type"]), members[textOf(member["name"])]);
    }
  } else checkScalar(name, kind, value["value"]);
}

function checkScalar(name: string, kind: string, value: unknown): void {
  if (value === null || value === undefined) throw invalid(name, "is NULL: a query parameter value can't be NULL");
  if (isRecord(value) || Array.isArray(value)) throw invalid(name, "is an object where a string was expected");
  const fits = SHAPES[kind];
  if (fits === undefined) throw invalid(name, `has the type ${kind}, which the simulator does not know`);
  if (!fits(String(value))) throw invalid(name, `is no ${kind}`);
}

function invalid(name: string, words: string): Refusal {
  return new Refusal(400, "invalid", `Invalid query parameter: '${name}' ${words}`);
}

function typeName(type: Record<string, unknown>): string {
  const kind = textOf(type["type"]).toUpperCase();
  return kind === "ARRAY" ? `ARRAY<${typeName(recordOf(type["arrayType"]))}>` : kind;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** SQL without its string literals and comments, where an @ is no parameter. */
function withoutText(sql: string): string {
  return sql.replace(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|`[^`]*`|--[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g, " ");
}
