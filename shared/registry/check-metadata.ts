import { malformed } from "../contract/fault.ts";
import type { Metadata } from "../contract/rows.ts";
import { recognises } from "./check.ts";
import type { Entry } from "./entry.ts";
import { pattern } from "./linear.ts";
import type { Registry } from "./load.ts";

/** Settings that a customer may store with any provider: what a value may be, by name. */
export const generalMetadata: Readonly<Record<string, "text" | "tags">> = {
  environment: "text",
  team: "text",
  owner: "text",
  cost_center: "text",
  notes: "text",
  tags: "tags",
};

const LONGEST_TEXT = 200;
const MOST_TAGS = 20;
const LONGEST_TAG = 50;

/**
 * Checks the settings stored beside a credential against the names and patterns that its provider allows. `null` stands
 * for "remove this" and passes for every known name.
 * @throws Fault request_malformed, which names only known settings and holds no value.
 */
export function checkMetadata(registry: Registry, entry: Entry, metadata: Record<string, unknown>): Metadata {
  const allowed = [...entry.metadata.map(({ name }) => name), ...Object.keys(generalMetadata)];
  const checked: Array<[string, unknown]> = [];
  for (const [name, value] of Object.entries(metadata)) {
    if (entry.fields.some((field) => field.name === name)) {
      throw malformed(`/metadata/${name}`, "is part of the credential: send it inside `credential`");
    }
    if (!allowed.includes(name)) throw malformed("/metadata", `takes only: ${allowed.join(", ")}`);
    const complaint = value === null ? null : complaintAbout(registry, entry, name, value);
    if (complaint !== null) throw malformed(`/metadata/${name}`, complaint);
    checked.push([name, value]);
  }
  return Object.fromEntries(checked);
}

function complaintAbout(registry: Registry, entry: Entry, name: string, value: unknown): string | null {
  const own = entry.metadata.find((setting) => setting.name === name);
  if (own === undefined && generalMetadata[name] === "tags") {
    if (!Array.isArray(value) || value.length > MOST_TAGS) return `must be a list of at most ${MOST_TAGS} short texts`;
    for (const tag of value) {
      const complaint = textComplaint(registry, tag, LONGEST_TAG);
      if (complaint !== null) return `holds a tag that ${complaint}`;
    }
    return null;
  }
  const complaint = textComplaint(registry, value, LONGEST_TEXT);
  if (complaint !== null) return complaint;
  if (own !== undefined && typeof value === "string" && !pattern(own.pattern).test(value)) {
    return `does not have the expected form, e.g. ${own.example}`;
  }
  return null;
}

function textComplaint(registry: Registry, value: unknown, longest: number): string | null {
  if (typeof value !== "string") return "must be a text";
  if (value.length > longest) return `is longer than ${longest} characters`;
  if (!value.isWellFormed() || CONTROL.test(value)) return "holds control characters";
  if (looksLikeSecret(registry, value)) return "looks like a secret: secrets go inside `credential` only";
  return null;
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;

/** Shapes of secrets that need no provider: key-like prefixes, PEM, JWT, and long unbroken random text. */
const SECRETS: readonly RegExp[] = [
  /^(?:sk|pk|rk)[-_](?=.*[0-9])[A-Za-z0-9_-]{16,}$/i,
  /^(?:AKIA|ASIA)[A-Z0-9]{16}$/,
  /^(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hf_|ya29\.|cact_(?:live|test|local)_)[A-Za-z0-9_.-]{8,}$/,
  /^eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\./,
  /^(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/]{32,}={0,2}$/,
];

/** Whether a text that should be harmless holds what looks like a secret, in any of its words. */
export function looksLikeSecret(registry: Registry, text: string): boolean {
  if (text.includes("-----BEGIN")) return true;
  return text
    .split(/[\s"'`“”‘’=:,;()[\]{}<>|]+/)
    .some(
      (word) => SECRETS.some((shape) => shape.test(word)) || registry.entries.some((entry) => recognises(entry, word)),
    );
}
