import { Fault, type FieldError } from "../contract/fault.ts";
import { type Credential, Secret } from "../contract/secret.ts";
import type { Entry, Field } from "./entry.ts";
import { pattern } from "./linear.ts";
import type { Registry } from "./load.ts";
import { readPrivateKey } from "./private-key.ts";
import { readDocument } from "./read-document.ts";
import { repairPasted } from "./repair-pasted.ts";

/** A credential that may be sent to its provider. */
export interface CheckedCredential {
  credential: Credential;
  /** The fields that are not secret, for `metadata`. */
  bound: Record<string, string>;
  /** Machine words; the entry's `reasons` explains them. */
  warnings: string[];
}

/** Longest value of one field, bytes. */
const LONGEST = 8 * 1024;

/**
 * Checks what a customer pasted, offline: repaired once, then type, names, length, alphabet, other providers' shapes
 * and the field's own pattern. Takes a string where the provider has one required field, else an object of fields.
 * @throws Fault credential_format, which names fields and never holds a value or an unknown name.
 */
export function checkCredential(registry: Registry, entry: Entry, submitted: unknown): CheckedCredential {
  const values = fieldsOf(entry, submitted);
  const wrong: Wrong[] = [];
  const kept: Array<[Field, string]> = [];
  for (const field of entry.fields) {
    const value = values.byName.get(field.name);
    const read = readField(registry, entry, field, value);
    if (typeof read === "string") kept.push([field, read]);
    else if (read !== null) wrong.push({ ...read, field: values.pointer(field.name) });
  }
  if (values.unknown)
    wrong.push({ field: "/credential", message: `takes only: ${entry.fields.map(({ name }) => name).join(", ")}` });
  if (wrong.length > 0) throw refusal(entry, wrong);
  const given = Object.fromEntries(kept.map(([field, value]) => [field.name, value]));
  const credential = Object.fromEntries(
    entry.fields.flatMap(({ name, fixed }) => {
      const value = fixed === undefined ? given[name] : filled(fixed, given);
      return value === undefined ? [] : [[name, new Secret(value)] as const];
    }),
  );
  return {
    credential,
    bound: Object.fromEntries(
      kept.flatMap(([field, value]) => (isMirrored(field) ? [[field.name, value] as const] : [])),
    ),
    warnings: fieldWarnings(entry, credential),
  };
}

/** Whether a field is shown in metadata and bound to the ciphertext: not secret, and a customer's own. */
export function isMirrored(field: Field): boolean {
  return !field.secret && field.fixed === undefined;
}

function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{([a-z][a-z0-9_]*)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? ""));
}

/** Warnings about a credential that follow from its shape alone. */
export function fieldWarnings(entry: Entry, credential: Credential): string[] {
  const reasons = entry.fields.flatMap((field) => {
    const value = Object.hasOwn(credential, field.name) ? credential[field.name]?.reveal() : undefined;
    return value === undefined
      ? []
      : field.warn.filter((shape) => pattern(shape.pattern).test(value)).map(({ reason }) => reason);
  });
  return [...new Set(reasons)];
}

/** What is wrong with one field, and what to do about it. */
export interface Wrong extends FieldError {
  reason?: string;
  remedy?: string;
  /** What follows the fault's own text. */
  because?: string;
}

/** The fault that a credential is refused with before anybody is asked; the first remedy among `wrong` is shown. */
export function refusal(entry: Entry, wrong: readonly Wrong[]): Fault {
  const telling = wrong.find((one) => one.remedy !== undefined);
  return new Fault("credential_format", {
    detail: `Invalid API key format for {provider}${telling?.because ? `: ${telling.because}` : ""}`,
    provider: entry.code,
    providerName: entry.display_name,
    errors: wrong.map(({ field, message }) => ({ field, message })),
    remedy: telling?.remedy ?? remedyOf(entry, wrong[0]),
    ...reasonOf(telling ?? wrong[0]),
  });
}

function reasonOf(wrong: Wrong | undefined): { reason?: string } {
  return wrong?.reason ? { reason: wrong.reason } : {};
}

/** What to do about the first field that is wrong. */
function remedyOf(entry: Entry, wrong: Wrong | undefined): string {
  const field = wrong && fieldAt(entry, wrong.field);
  const from = entry.display_name;
  if (field === undefined) return `Copy the credential again from ${from} and paste it whole.`;
  const label = field.label ?? field.name;
  if (field.fixed !== undefined)
    return `${label} must be as in the key file that ${from} made. Paste that file whole and unchanged.`;
  const example = field.example ? ` It looks like ${field.example}` : "";
  return `Copy ${label} again from ${from} and paste it whole.${example}`;
}

/** The field that a pointer into the body means; the whole credential means its only required one, where it has one. */
function fieldAt(entry: Entry, pointer: string): Field | undefined {
  const required = entry.fields.filter(({ optional }) => !optional);
  if (pointer === "/credential") return required.length === 1 ? required[0] : undefined;
  return entry.fields.find(({ name }) => pointer === `/credential/${name}`);
}

interface Submitted {
  byName: Map<string, unknown>;
  unknown: boolean;
  /** JSON Pointer of a field in the body as it was sent. */
  pointer(name: string): string;
}

function fieldsOf(entry: Entry, submitted: unknown): Submitted {
  const required = entry.fields.filter((field) => !field.optional);
  const names = entry.fields.map(({ name }) => name);
  if (typeof submitted === "string" && entry.document) {
    const document = readDocument(submitted);
    if (document !== null) return fieldsOf(entry, document);
    const message = "must be the JSON key file: as an object, as its text, or as base64 of it";
    throw refusal(entry, [{ field: "/credential", message, reason: "not_a_document" }]);
  }
  if (typeof submitted === "string") {
    const [only] = required;
    if (only !== undefined && required.length === 1) {
      return { byName: new Map([[only.name, submitted]]), unknown: false, pointer: () => "/credential" };
    }
    throw refusal(entry, [{ field: "/credential", message: `must be an object with: ${names.join(", ")}` }]);
  }
  if (typeof submitted !== "object" || submitted === null || Array.isArray(submitted)) {
    const wanted = required.length === 1 ? "must be a string, or an object with" : "must be an object with";
    throw refusal(entry, [{ field: "/credential", message: `${wanted}: ${names.join(", ")}` }]);
  }
  const given = Object.entries(submitted);
  return {
    byName: new Map(given.filter(([name]) => names.includes(name))),
    unknown: given.some(([name]) => !names.includes(name)),
    pointer: (name) => `/credential/${name}`,
  };
}

/** The field's repaired value, `null` where an optional one is absent, or what is wrong with it. */
function readField(
  registry: Registry,
  entry: Entry,
  field: Field,
  value: unknown,
): string | null | Omit<Wrong, "field"> {
  if (value === undefined || value === null) return field.optional ? null : { message: "is missing" };
  if (typeof value !== "string") return { message: "must be a string" };
  if (!value.isWellFormed()) return { message: "holds characters that are not valid Unicode" };
  if (field.kind === "rsa_private_key") return readKey(entry, value);
  const text = repairPasted(value);
  if (text === "") return field.optional ? null : { message: "is empty" };
  if (Buffer.byteLength(text) > LONGEST) return { message: "is longer than 8 KiB" };
  if (isMasked(text) && !isWhole(entry, field, text)) {
    return {
      message: "is a masked value, not the credential itself",
      reason: "masked",
      because: "the value is masked",
      remedy:
        "Paste the whole credential as its provider showed it when it was created. To keep the one that is stored, leave `credential` out.",
    };
  }
  if (!/^[\x21-\x7e]+$/.test(text)) {
    return { message: "holds a space, a line break or a character that is not printable ASCII" };
  }
  return shapeFault(registry, entry, field, text) ?? text;
}

function readKey(entry: Entry, pasted: string): string | Omit<Wrong, "field"> {
  const read = readPrivateKey(repairPasted(pasted));
  if (typeof read === "string") return read;
  const remedy = entry.reasons[read.reason];
  return { ...read, ...(remedy ? { remedy } : {}) };
}

function shapeFault(registry: Registry, entry: Entry, field: Field, text: string): Omit<Wrong, "field"> | null {
  const refused = field.refuse.find((shape) => pattern(shape.pattern).test(text));
  if (refused !== undefined) {
    const remedy = entry.reasons[refused.reason];
    return { message: "is of a kind that cannot be used here", reason: refused.reason, ...(remedy ? { remedy } : {}) };
  }
  if (field.options !== undefined && !field.options.includes(text))
    return { message: `must be one of: ${field.options.join(", ")}`, reason: "not_an_option" };
  if (field.secret && !recognises(entry, text)) {
    const other = registry.entries.find((one) => one !== entry && recognises(one, text));
    if (other !== undefined) {
      const name = other.display_name;
      return {
        message: `looks like a key of ${name}`,
        reason: "other_provider",
        because: `this looks like a key of ${name}`,
        remedy: `This looks like a key of ${name}; set it up under /${pathOf(other)}.`,
      };
    }
  }
  return pattern(field.pattern).test(text) ? null : { message: "does not have the shape of this provider's" };
}

/** Whether the text is unmistakably a key of this provider. */
export function recognises(entry: Entry, text: string): boolean {
  return entry.recognise.some((shape) => pattern(shape).test(text));
}

/** The preferred path segment of a provider: its first alias, else its code in lower case. */
export function pathOf(entry: Entry): string {
  return entry.aliases[0] ?? entry.code.toLowerCase();
}

/** Three dots alone may stand in a secret of a provider whose alphabet has them: where it is unmistakably one, it is whole. */
function isWhole(entry: Entry, field: Field, text: string): boolean {
  return !isMasked(text.replaceAll("...", "")) && recognises(entry, text) && pattern(field.pattern).test(text);
}

/** No provider's key holds these runs, and every form that hides one shows them. */
function isMasked(text: string): boolean {
  return /\*{3}|[•●∙·…]|\.{3}/u.test(text);
}
