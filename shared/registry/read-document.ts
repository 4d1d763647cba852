import { readJson } from "../contract/read-json.ts";
import { repairPasted } from "./repair-pasted.ts";

/** Longest JSON document, bytes; a service account's has 2.4 kB. */
const LONGEST = 16 * 1024;

/**
 * A credential that is a JSON document, given as text or as base64 of it, as an object.
 *
 * @returns `null` where it is neither; duplicate keys, deep nesting and `__proto__` are none either
 */
export function readDocument(pasted: string): Record<string, unknown> | null {
  const text = repairPasted(pasted);
  if (Buffer.byteLength(text) > Math.ceil((LONGEST * 4) / 3) + 512) return null;
  const compact = text.replace(/\s+/g, "");
  const bytes = text.startsWith("{")
    ? Buffer.from(text)
    : /^[A-Za-z0-9+/_-]+={0,2}$/.test(compact)
      ? Buffer.from(compact, "base64")
      : null;
  if (bytes === null || bytes.length > LONGEST) return null;
  try {
    const value = readJson(bytes);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value))
      : null;
  } catch {
    return null;
  }
}
