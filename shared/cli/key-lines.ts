import { readInput } from "./input-file.ts";
import { usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

const LARGEST_BYTES = 16 * 1024 * 1024;
const NAMES = ["api_key", "org_slug"] as const;

/** One key as a list of keys has it. `null` where the line is none. */
export interface KeyLine {
  /** From 1; in a JSON array the element's place. */
  line: number;
  found: { key: string; org: string } | null;
}

/** Reads a list of keys from a file, or from stdin for `-`. @throws Stop, which says nothing of what stands in it */
export async function readKeyList(path: string, terminal: Terminal): Promise<string> {
  const { text } = await readInput(path, { terminal, what: "The list of keys", largestBytes: LARGEST_BYTES });
  return text;
}

/**
 * Takes a list of keys apart: CSV of `api_key,org_slug`, with a head (in any order, further columns are left out) or
 * without; or a JSON object with both members a line; or one JSON array of such objects, as `bq --format=json` prints.
 */
export function parseKeyList(text: string): KeyLine[] {
  const clean = text.replace(/^\uFEFF/, "");
  if (clean.trimStart().startsWith("[")) return parseArray(clean);
  const lines = clean
    .split(/\r\n|\n|\r/)
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== "");
  let places: readonly [number, number] = [0, 1];
  return lines.flatMap(({ content, line }, index): KeyLine[] => {
    if (content.trimStart().startsWith("{")) return [{ line, found: foundIn(parseJson(content)) }];
    const fields = parseFields(content);
    const head = fields === null || index > 0 ? null : headOf(fields);
    if (head !== null) {
      places = head;
      return [];
    }
    const [key, org] = fields === null ? [] : places.map((place) => fields[place]);
    return [{ line, found: key !== undefined && org !== undefined ? { key, org } : null }];
  });
}

function parseArray(text: string): KeyLine[] {
  const value = parseJson(text);
  if (!Array.isArray(value)) throw usage("The list of keys begins like a JSON array and is none");
  return value.map((element: unknown, index) => ({ line: index + 1, found: foundIn(element) }));
}

/** Never tells what it read: a message of JSON.parse would quote it. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function foundIn(value: unknown): KeyLine["found"] {
  if (typeof value !== "object" || value === null) return null;
  const [key, org] = NAMES.map((name): unknown => Reflect.get(value, name));
  return typeof key === "string" && typeof org === "string" ? { key, org } : null;
}

/** Where the two columns stand; `null` where these are no names of columns. */
function headOf(fields: readonly string[]): readonly [number, number] | null {
  const names = fields.map((field) => field.trim().toLowerCase());
  const [key, org] = NAMES.map((name) => names.indexOf(name));
  return key === undefined || org === undefined || key < 0 || org < 0 ? null : [key, org];
}

/** The fields of a line of CSV, quotes taken off; `null` where a quote is not closed. */
function parseFields(line: string): string[] | null {
  const fields: string[] = [];
  let rest = line;
  for (;;) {
    const found = /^\s*"((?:[^"]|"")*)"\s*(,|$)/.exec(rest) ?? /^([^",]*)(,|$)/.exec(rest);
    if (found === null) return null;
    const [whole = "", field = "", end = ""] = found;
    fields.push((whole.trimStart().startsWith('"') ? field.replaceAll('""', '"') : field).trim());
    if (end === "") return fields;
    rest = rest.slice(whole.length);
  }
}
