import { readInput } from "./input-file.ts";
import { usage } from "./stop.ts";
import type { Terminal } from "./terminal.ts";

const LARGEST_BYTES = 16 * 1024 * 1024;
const NAMES = ["api_key", "org_slug"] as const;

/** One key as a list of keys has it. `null` where the line is none. */
export interface KeyLine {
  /** From 1; in a JSON array the element's place. */
  line: number;
  found: ListedKey | null;
}

export interface ListedKey {
  key: string;
  org: string;
  /** What its older table says against it: that it was switched off or revoked, or when it ends in no form of a time. */
  ended: "inactive" | "revoked" | "end_unreadable" | null;
  /** When it ends there, RFC 3339, UTC, milliseconds; `null` where that is not said. */
  expires_at: string | null;
}

/** Reads a list of keys from a file, or from stdin for `-`. @throws Stop, which says nothing of what stands in it */
export async function readKeyList(path: string, terminal: Terminal): Promise<string> {
  const { text } = await readInput(path, { terminal, what: "The list of keys", largestBytes: LARGEST_BYTES });
  return text;
}

/**
 * Takes a list of keys apart: CSV of `api_key,org_slug`, with a head (in any order) or without; or a JSON object with both
 * members a line; or one JSON array of such objects, as `bq --format=json` prints. `is_active`, `revoked_at` and
 * `expires_at` are read where they are there, as in the older table; all else is left out.
 */
export function parseKeyList(text: string): KeyLine[] {
  const clean = text.replace(/^\uFEFF/, "");
  if (clean.trimStart().startsWith("[")) return parseArray(clean);
  const lines = clean
    .split(/\r\n|\n|\r/)
    .map((content, index) => ({ content, line: index + 1 }))
    .filter(({ content }) => content.trim() !== "");
  let head: readonly string[] | null = null;
  return lines.flatMap(({ content, line }, index): KeyLine[] => {
    if (content.trimStart().startsWith("{")) return [{ line, found: foundIn(parseJson(content)) }];
    const fields = parseFields(content);
    const names = fields?.map((field) => field.toLowerCase()) ?? [];
    if (index === 0 && NAMES.every((name) => names.includes(name))) {
      head = names;
      return [];
    }
    return [{ line, found: fields === null ? null : foundUnder(head, fields) }];
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

function foundIn(value: unknown): ListedKey | null {
  return typeof value === "object" && value !== null ? foundBy((name) => Reflect.get(value, name)) : null;
}

/** Without a head only two columns have a meaning: what stands in others may be that the key has ended. */
function foundUnder(head: readonly string[] | null, fields: readonly string[]): ListedKey | null {
  if (head === null && fields.slice(NAMES.length).some((field) => field !== "")) return null;
  const names = head ?? NAMES;
  return foundBy((name) => (names.includes(name) ? (fields[names.indexOf(name)] ?? null) : undefined));
}

/** @param read what stands under a name; `undefined` where there is no such name */
function foundBy(read: (name: string) => unknown): ListedKey | null {
  const [key, org] = NAMES.map(read);
  if (typeof key !== "string" || typeof org !== "string") return null;
  const [active, revoked, end] = [read("is_active"), cellOf(read("revoked_at")), cellOf(read("expires_at"))];
  const expiresAt = end === null ? null : timeOf(end);
  const found = (ended: ListedKey["ended"]) => ({ key, org, ended, expires_at: expiresAt });
  // As the older table is read: where it has the column, nothing but true is active.
  if (active !== undefined && !/^(?:true|1)$/i.test(String(active))) return found("inactive");
  if (revoked !== null) return found("revoked");
  return found(end !== null && expiresAt === null ? "end_unreadable" : null);
}

/** `null` for what stands for it in a list. */
function cellOf(value: unknown): unknown {
  return value === undefined || (typeof value === "string" && /^(?:null)?$/i.test(value)) ? null : value;
}

/** A time as tables print it; without a zone it is UTC. @returns RFC 3339, UTC, milliseconds; `null` where it is none */
function timeOf(value: unknown): string | null {
  const found =
    typeof value === "string"
      ? /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d)(?:(:\d\d)(\.\d{1,9})?)?(?: ?(Z|UTC|[+-]\d\d(?::?\d\d)?))?)?$/.exec(value)
      : null;
  if (found === null) return null;
  const [, date, minutes = "00:00", seconds = ":00", fraction = ".000", zone = "Z"] = found;
  const offset = zone === "UTC" ? "Z" : zone.replace(/^(...)$/, "$1:00").replace(/^(...)(\d\d)$/, "$1:$2");
  const ms = Date.parse(`${date}T${minutes}${seconds}${fraction.slice(0, 4).padEnd(4, "0")}${offset}`);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
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
