import { Fault, type FieldError } from "../contract/fault.ts";
import { readJson } from "../contract/read-json.ts";
import type { Metadata } from "../contract/rows.ts";
import type { Status } from "../contract/verdict.ts";
import type { OlderCredential } from "../ports/older-credentials.ts";
import { checkMetadata, looksLikeSecret } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import { chooseByShape } from "../registry/family.ts";
import type { Registry } from "../registry/load.ts";

const LONGEST_NAME = 100;

/**
 * What an opened credential of the older service is: an object of fields where it is the JSON of one, else the text.
 *
 * @throws Fault `credential_format` where it is no text
 */
export function readSubmitted(plaintext: Buffer): string | Record<string, unknown> {
  const text = plaintext.toString("utf8");
  if (!Buffer.from(text, "utf8").equals(plaintext))
    throw new Fault("credential_format", { detail: "What the older key opened is not text" });
  if (!text.trimStart().startsWith("{")) return text;
  try {
    const value = readJson(plaintext);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // No JSON after all: the provider's own check says what is wrong with it.
  }
  return text;
}

/** The entry that a credential belongs to. @throws Fault `credential_format` where it has the shape of none */
export function entryFor(members: readonly [Entry, ...Entry[]], submitted: string | Record<string, unknown>): Entry {
  return members.length === 1 ? members[0] : chooseByShape(members, { credential: submitted });
}

/** The settings that are taken over, and what is left behind: names that are not ours, values that do not fit. */
export interface Settings {
  kept: Metadata;
  /** Names that look like nothing but names. */
  dropped: string[];
  /** How many further ones there were. */
  nameless: number;
  refused: FieldError[];
}

/** Keeps by the provider's allow-list. What the credential itself says (its fields that are not secret) comes from there. */
export function readSettings(registry: Registry, entry: Entry, json: string | null): Settings {
  const settings: Settings = { kept: {}, dropped: [], nameless: 0, refused: [] };
  const given = objectOf(json);
  if (given === null) {
    settings.refused.push({ field: "/metadata", message: "is not a JSON object" });
    return settings;
  }
  for (const [name, value] of Object.entries(given)) {
    if (value === null || entry.fields.some((field) => field.name === name)) continue;
    try {
      Object.assign(settings.kept, checkMetadata(registry, entry, { [name]: value }));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      const errors = (error.details.errors ?? []).filter(({ field }) => field !== "/metadata");
      if (errors.length > 0) settings.refused.push(...errors);
      else if (/^[a-z][a-z0-9_]{0,40}$/i.test(name) && !looksLikeSecret(registry, name)) settings.dropped.push(name);
      else settings.nameless += 1;
    }
  }
  return settings;
}

const times = ["last_validated_at", "expires_at", "deactivation_scheduled_at", "created_at"] as const;

/** A row without the times that cannot be read, and the names of those. */
export function readTimes(row: OlderCredential): { row: OlderCredential; unread: Array<(typeof times)[number]> } {
  const unread = times.filter((name) => !/^(?:\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)?$/.test(row[name] ?? ""));
  return { row: { ...row, ...Object.fromEntries(unread.map((name) => [name, null])) }, unread };
}

/** What a status of the older service stands for. What it does not say was never proven. */
export function readStatus(text: string | null): Status {
  switch ((text ?? "").trim().toUpperCase()) {
    case "VALID":
    case "ACTIVE":
      return "VALID";
    case "INVALID":
    case "ERROR":
      return "INVALID";
    case "EXPIRED":
      return "EXPIRED";
    default:
      return "PENDING";
  }
}

/** A name that may stand as a credential's label; `null` where the provider's default is better. */
export function readName(registry: Registry, { credential_name: name }: OlderCredential): string | null {
  if (name === null || name.trim() === "" || name.length > LONGEST_NAME) return null;
  if (/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(name) || looksLikeSecret(registry, name)) return null;
  return name;
}

/** `null` stands for none, and so does an empty text; a text may hold the JSON of a text. */
function objectOf(json: string | null): Record<string, unknown> | null {
  if (json === null || json.trim() === "" || json.trim() === "null") return {};
  try {
    const value = readJson(Buffer.from(json));
    if (typeof value === "string") return objectOf(value);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : null;
  } catch {
    return null;
  }
}
