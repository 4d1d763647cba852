import { Fault, type FieldError } from "../contract/fault.ts";
import type { Metadata } from "../contract/rows.ts";
import { recognises } from "./check.ts";
import type { Entry, Setting } from "./entry.ts";
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
/** A table's path has up to 30 + 1024 + 1024 characters; none is near that. */
const LONGEST_SETTING = 500;
/** Money as text, so that no binary fraction ever touches it. */
const DECIMAL = /^(?:0|[1-9]\d{0,11})(?:\.\d{1,6})?$/;
const MOST_TAGS = 20;
const LONGEST_TAG = 50;

/** What is wrong with one setting, and what to do about it. */
export interface WrongSetting extends FieldError {
  remedy?: string;
}

/**
 * Checks the settings stored beside a credential against the names and patterns that its provider allows. `null` stands
 * for "remove this" and passes for every known name.
 * @throws Fault request_malformed with all that is wrong, which names only known settings and holds no value.
 */
export function checkMetadata(registry: Registry, entry: Entry, metadata: Record<string, unknown>): Metadata {
  const allowed = [...entry.metadata.map(({ name }) => name), ...Object.keys(generalMetadata)];
  const given = Object.entries(metadata);
  const wrong = given.flatMap(([name, value]) => {
    if (entry.fields.some((field) => field.name === name))
      return [{ field: `/metadata/${name}`, message: "is part of the credential: send it inside `credential`" }];
    return allowed.includes(name) && value !== null ? complaintsOf(registry, entry, name, value) : [];
  });
  if (given.some(([name]) => !allowed.includes(name) && !entry.fields.some((field) => field.name === name)))
    wrong.push({ field: "/metadata", message: `takes only: ${allowed.join(", ")}` });
  if (wrong.length > 0) throw refused(wrong);
  return Object.fromEntries(given);
}

/** What is missing of what the provider needs to know. */
export function missingSettings(entry: Entry, metadata: Metadata): Array<WrongSetting & { label: string }> {
  return entry.metadata
    .filter(({ name, required }) => required && (metadata[name] === undefined || metadata[name] === null))
    .map(({ name, label, example }) => ({
      field: `/metadata/${name}`,
      message: `is missing: ${label}, e.g. ${example}`,
      label,
    }));
}

/** The fault for settings that are wrong; the first remedy among them is shown. */
export function refused(wrong: readonly WrongSetting[]): Fault {
  const [first] = wrong;
  const remedy = wrong.find((one) => one.remedy !== undefined)?.remedy;
  return new Fault("request_malformed", {
    detail: first ? `${first.field}: ${first.message}` : "metadata is malformed",
    errors: wrong.slice(0, MOST_ERRORS).map(({ field, message }) => ({ field, message })),
    ...(remedy ? { remedy } : {}),
  });
}
const MOST_ERRORS = 20;

function complaintsOf(registry: Registry, entry: Entry, name: string, value: unknown): WrongSetting[] {
  const own = entry.metadata.find((setting) => setting.name === name);
  if (own?.kind === "list") return listComplaints(registry, own, value);
  const complaint = own ? settingComplaint(registry, own, value) : generalComplaint(registry, name, value);
  return complaint === null ? [] : [at(`/metadata/${name}`, complaint)];
}

function listComplaints(registry: Registry, setting: Setting, value: unknown): WrongSetting[] {
  const list = `/metadata/${setting.name}`;
  const most = setting.max ?? MOST_TAGS;
  if (!Array.isArray(value) || value.length > most) return [at(list, `must be a list of at most ${most}`)];
  return value.flatMap((element: unknown, index) => itemComplaints(registry, setting, element, `${list}/${index}`));
}

function itemComplaints(registry: Registry, setting: Setting, element: unknown, pointer: string): WrongSetting[] {
  const items = setting.items ?? [];
  if (typeof element !== "object" || element === null || Array.isArray(element))
    return [at(pointer, "must be an object")];
  const given = new Map<string, unknown>(Object.entries(element));
  if ([...given.keys()].some((name) => !items.some((item) => item.name === name)))
    return [at(pointer, `takes only: ${items.map(({ name }) => name).join(", ")}`)];
  return items.flatMap((item) => {
    const inner = given.get(item.name);
    if (inner === undefined && !item.required) return [];
    const complaint = inner === undefined ? "is missing" : settingComplaint(registry, item, inner);
    return complaint === null ? [] : [at(`${pointer}/${item.name}`, complaint)];
  });
}

/** What is wrong with a value, with what to do about it where that is not plain. */
type Complaint = string | Pick<WrongSetting, "message" | "remedy">;

function at(field: string, complaint: Complaint): WrongSetting {
  return { field, ...(typeof complaint === "string" ? { message: complaint } : complaint) };
}

function generalComplaint(registry: Registry, name: string, value: unknown): string | null {
  if (generalMetadata[name] !== "tags") return textComplaint(registry, value, LONGEST_TEXT);
  if (!Array.isArray(value) || value.length > MOST_TAGS) return `must be a list of at most ${MOST_TAGS} short texts`;
  for (const tag of value) {
    const complaint = textComplaint(registry, tag, LONGEST_TAG);
    if (complaint !== null) return `holds a tag that ${complaint}`;
  }
  return null;
}

function settingComplaint(registry: Registry, setting: Omit<Setting, "items">, value: unknown): Complaint | null {
  const { kind, min, max, example } = setting;
  switch (kind) {
    case "boolean":
      return typeof value === "boolean" ? null : "must be true or false";
    case "integer":
      if (typeof value !== "number" || !Number.isSafeInteger(value)) return "must be a whole number";
      return outside(value, min, max);
    case "decimal":
      if (typeof value === "string" && DECIMAL.test(value)) return outside(Number(value), min, max);
      return {
        message: `must be a decimal number as text, e.g. "${example}"`,
        remedy: `Send it in quotes, with a point and without thousands separators: "${example}". A JSON number is a binary fraction, in which cents get lost.`,
      };
    case "date":
      return typeof value === "string" && isDate(value) ? null : "must be a date from 1900 to 2199, YYYY-MM-DD";
    default: {
      const complaint = textComplaint(registry, value, LONGEST_SETTING);
      return complaint ?? formComplaint(setting, String(value));
    }
  }
}

function formComplaint({ options, pattern: form, example }: Omit<Setting, "items">, text: string): string | null {
  if (options !== undefined && !options.includes(text)) {
    return options.length > MOST_NAMED
      ? `must be one of the ${options.length} values that GET /providers lists, e.g. ${example}`
      : `must be one of: ${options.join(", ")}`;
  }
  return form === undefined || pattern(form).test(text) ? null : `does not have the expected form, e.g. ${example}`;
}
const MOST_NAMED = 20;

function outside(value: number, min: number | undefined, max: number | undefined): string | null {
  if (min !== undefined && value < min) return `must be at least ${min}`;
  if (max !== undefined && value > max) return `must be at most ${max}`;
  return null;
}

/** A day of the calendar, in years that can be meant. */
export function isDate(text: string): boolean {
  const time = /^(?:19|20|21)\d\d-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
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
  /^(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hf_|ya29\.|cact_(?:live|test|local)_)[A-Za-z0-9_.-]{8,}$/,
  /^(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9+/]{32,}={0,2}$/,
];
/** Shapes that are unmistakable wherever they stand in a word. */
const ANYWHERE: readonly RegExp[] = [/(?:AKIA|ASIA)[A-Z0-9]{16}/, /eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\./];
/** Beginnings of secrets that may be glued to something; the registry adds its providers'. */
const GLUED: readonly RegExp[] = [
  /(?:sk|pk|rk)[-_]/gi,
  /(?:gh[pousr]_|github_pat_|glpat-|xox[abeprs]-|hf_|ya29\.|cact_(?:live|test|local)_)/g,
];

/** Whether a text that should be harmless holds what looks like a secret, in any of its words. */
export function looksLikeSecret(registry: Registry, text: string): boolean {
  if (text.includes("-----BEGIN")) return true;
  const words = new Set(text.split(/[\s"'`“”‘’=:,;()[\]{}<>|]+/).filter((word) => word.length >= SHORTEST_SECRET));
  return [...words].some(
    (word) =>
      SECRETS.some((shape) => shape.test(word)) ||
      ANYWHERE.some((shape) => shape.test(word)) ||
      registry.entries.some((entry) => recognises(entry, word)) ||
      holdsGluedSecret(registry, word),
  );
}

/** No provider's key is shorter. */
const SHORTEST_SECRET = 8;
/** Beginnings of its providers' keys, made once for each registry. */
const beginningsOf = new WeakMap<Registry, RegExp[]>();

function beginnings(registry: Registry): RegExp[] {
  const known = beginningsOf.get(registry);
  if (known !== undefined) return known;
  const own = registry.entries.flatMap(({ recognise }) =>
    recognise.map((shape) => pattern(shape.replace(/^\^|\$$/g, ""), "g")),
  );
  beginningsOf.set(registry, [...GLUED, ...own]);
  return [...GLUED, ...own];
}

/** Whether a word holds a secret behind or between other characters: `prod-sk-proj-…`, `k_gsk_…`, `cohere.h8h8…`. */
function holdsGluedSecret(registry: Registry, word: string): boolean {
  const found = beginnings(registry).flatMap((shape) => [...word.matchAll(shape)]);
  if (found.some(({ index }) => isSecretFrom(word, index))) return true;
  // Without a beginning that tells, only a long mixture tells; hexadecimal is a run's or a commit's id, and what URLs
  // and OCIDs hold is an address.
  if (word.startsWith("//") || word.startsWith("ocid1.")) return false;
  return word.split(/[^A-Za-z0-9/+]/).some((run) => /^[A-Za-z0-9]{32,}$/.test(run) && isMixed(run) && !isHex(run));
}

/** `task-…` and `risk-or-…` are words: what follows must be random, the more so where a letter or digit stands before. */
function isSecretFrom(word: string, at: number): boolean {
  const isInsideWord = at > 0 && /[A-Za-z0-9]/.test(word.charAt(at - 1));
  return word
    .slice(at)
    .split(/[^A-Za-z0-9]/)
    .some((run) => {
      if (isTime(run)) return false;
      if (isInsideWord) return run.length >= 16 && isMixed(run) && (!isHex(run) || run.length >= 64);
      return (run.length >= 12 && isMixed(run)) || (run.length >= 16 && /[0-9]/.test(run));
    });
}

function isMixed(run: string): boolean {
  return /[0-9]/.test(run) && /[A-Za-z]/.test(run);
}

function isHex(run: string): boolean {
  return /^[0-9a-f]+$/i.test(run);
}

/** `20261120T100000Z`, with or without its letters. */
function isTime(run: string): boolean {
  return /^(?:19|20)\d{6}T?\d{2,9}Z?$/i.test(run);
}
