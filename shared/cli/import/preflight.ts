import { isDeepStrictEqual } from "node:util";
import { Fault } from "../../contract/fault.ts";
import { PROVIDER_SLUG } from "../../contract/names.ts";
import type { Metadata } from "../../contract/rows.ts";
import { fingerprintOf, requireHarmlessName } from "../../operations/prove.ts";
import { requireRecord } from "../../operations/subscription.ts";
import { checkCredential, pathOf } from "../../registry/check.ts";
import { checkMetadata, generalMetadata } from "../../registry/check-metadata.ts";
import type { Entry } from "../../registry/entry.ts";
import { chooseByShape } from "../../registry/family.ts";
import type { Registry } from "../../registry/load.ts";
import { publicFace } from "../../registry/public-face.ts";
import { nearest } from "../nearest.ts";
import { listAt, textAt, textsAt } from "../read.ts";
import { typedSetting } from "../settings.ts";
import { isRecord, parseJson, type Row, type RowProblem, type Rows } from "./read-rows.ts";

/** One item as the service takes it. */
export interface ImportItem {
  provider: string;
  credential?: string | Record<string, unknown>;
  credential_name?: string;
  metadata?: Record<string, unknown>;
}

/** A row that may be sent. */
export interface ReadyRow {
  row: number;
  /** The code that the service will answer with, as far as it is known here. */
  provider: string;
  /** Whether something is configured there already. */
  replaces: boolean;
  /** What the service would show of it once it is stored; `null` where that is not known here. */
  stored: { fingerprint: string | null; metadata: Metadata } | null;
  item: ImportItem;
}

/** What the service says of itself: its providers' public faces, and what the organisation has configured. */
export interface Known {
  registry: Registry;
  faces: readonly unknown[];
  configured: ReadonlySet<string>;
}

/** An item travels in a body of at most so many bytes. */
export const LARGEST_BODY = 128 * 1024;

/**
 * Checks every row before any is sent, with the rules of the service itself where this tool knows the provider as the
 * service does; what only the service knows it checks itself.
 *
 * @returns the rows, or everything that is wrong with them; never a value
 */
export function preflight(read: Rows, known: Known): { ready: ReadyRow[]; problems: RowProblem[] } {
  const problems = [...read.problems, ...headProblems(read, known)];
  const ready: ReadyRow[] = [];
  const seen = new Map<string, number>();
  for (const row of read.rows) {
    const result = readRow(row, known, read.head !== null);
    if (!("item" in result)) {
      problems.push(...result);
      continue;
    }
    const before = seen.get(result.provider);
    if (before === undefined) ready.push(result);
    else
      problems.push({
        ...{ row: row.row, provider: result.provider, field: "provider" },
        message: `stands in row ${before} already`,
        remedy: "One of the two must go: an organisation has one active credential of a provider",
      });
    seen.set(result.provider, before ?? row.row);
  }
  problems.push(...roomProblems(ready, known));
  return { ready, problems: problems.sort((one, other) => one.row - other.row) };
}

/** As many as an organisation may have, as the service holds it. */
const MOST_CUSTOM = 200;

/** Of new custom subscriptions, only the first that has no room is told: which ones go is not for us to say. */
function roomProblems(ready: readonly ReadyRow[], { configured }: Known): RowProblem[] {
  const isCustom = (code: string): boolean => code.startsWith("custom-");
  const added = ready.filter(({ provider, replaces }) => isCustom(provider) && !replaces);
  const room = Math.max(0, MOST_CUSTOM - [...configured].filter(isCustom).length);
  const first = added[room];
  if (first === undefined) return [];
  const excess = added.length - room;
  return [
    {
      ...{ row: first.row, provider: first.provider, field: "provider" },
      message: `An organization can have at most ${MOST_CUSTOM} custom subscriptions`,
      remedy: `Take ${excess} ${excess === 1 ? "row" : "rows"} out of the list, or delete subscriptions that are no longer needed`,
    },
  ];
}

const OWN = ["provider", "credential", "credential_name", "metadata"] as const;

/** A column that belongs to no provider is told once, not for every row. */
function headProblems({ head }: Rows, known: Known): RowProblem[] {
  const columns = columnsOf(known);
  return (head ?? []).flatMap((name, place) =>
    name === "" || columns.includes(name) || (name.startsWith("metadata.") && name.length > 9)
      ? []
      : [{ row: 1, provider: null, ...unknownColumn(name, columns, `column ${place + 1}`) }],
  );
}

function columnsOf({ faces }: Known): string[] {
  return [...OWN, ...new Set(faces.flatMap((face) => listAt(face, "fields").map((field) => textAt(field, "name"))))];
}

/** A name may be a secret where the head is missing: only one that has the form of a name is shown. */
function unknownColumn(
  name: string,
  columns: readonly string[],
  place: string,
): Pick<RowProblem, "field" | "message" | "remedy"> {
  // No key is without a digit.
  const isShowable = /^[a-z][a-z_. -]{0,40}$/i.test(name);
  if (/^expir/.test(name))
    return {
      field: name,
      message: "is not taken by import",
      remedy: "Set it afterwards: update <org> <provider> --expires",
    };
  const meant = isShowable ? nearest(name, columns) : null;
  const hint =
    meant === null
      ? `A setting is written metadata.<name>; columns are: ${OWN.join(", ")} and the provider's fields`
      : `Did you mean ${meant}?`;
  return { field: isShowable ? name : place, message: "is no column that is known here", remedy: hint };
}

function readRow(row: Row, known: Known, hasHead: boolean): ReadyRow | RowProblem[] {
  const wrong = (provider: string | null, field: string, message: string, remedy: string | null): RowProblem[] => [
    { row: row.row, provider, field, message, remedy },
  ];
  const typed = row.cells.get("provider");
  if (typeof typed !== "string") return wrong(null, "provider", "is missing", "Name the provider, such as openai");
  const name = typed.trim().toLowerCase();
  const face = faceOf(name, known);
  if (face === undefined || !PROVIDER_SLUG.test(name))
    return wrong(null, "provider", "is not a provider of this service", nearestProvider(name, known));
  const form = formOf(face, known.registry, name);
  const read = itemOf(row, name, form, hasHead ? columnsOf(known) : []);
  if (!("item" in read)) return read;
  const { item } = read;
  const entry = chosen(form, known.registry, name, item);
  if (entry instanceof Fault) return problemsOf(row.row, form.code, entry);
  const code = entry?.code ?? form.code;
  const replaces = known.configured.has(code);
  if (Buffer.byteLength(JSON.stringify({ items: [item] })) > LARGEST_BODY)
    return wrong(code, "", "is larger than 128 KiB", "No credential is: look at what stands in its cells");
  const faults = entry === null ? [] : faultsOf(known.registry, entry, item, replaces);
  if (faults.length > 0) return faults.flatMap((fault) => problemsOf(row.row, code, fault));
  return { row: row.row, provider: code, replaces, stored: entry && storedAs(known.registry, entry, item), item };
}

/** A fingerprint is of one secret: of a credential with several it says too little. */
function storedAs(registry: Registry, entry: Entry, item: ImportItem): ReadyRow["stored"] {
  const metadata = checkMetadata(registry, entry, item.metadata ?? {});
  if (entry.credential_type === "none") return { fingerprint: null, metadata };
  if (entry.fields.filter(({ secret }) => secret).length !== 1) return null;
  const { credential, bound } = checkCredential(registry, entry, item.credential);
  return { fingerprint: fingerprintOf(entry, credential), metadata: { ...metadata, ...bound } };
}

function nearestProvider(name: string, { faces }: Known): string {
  const names = faces.flatMap((face) => [
    textAt(face, "path"),
    ...textsAt(face, "aliases"),
    textAt(face, "code").toLowerCase(),
  ]);
  const meant = nearest(name.slice(0, 64), names);
  return meant === null
    ? "All of them: cloudact-integrations providers check; a subscription of another name is custom-<slug>"
    : `Did you mean ${meant}?`;
}

/** The face of a provider; of several under one name, such as aws, the first. */
function faceOf(name: string, { faces, registry }: Known): unknown {
  const family = registry.familyOf(name).map(({ code }) => code);
  return faces.find((one) => isNamed(one, name)) ?? faces.find((one) => family.includes(textAt(one, "code")));
}

function isNamed(face: unknown, name: string): boolean {
  if (name.startsWith("custom-")) return textAt(face, "path") === "custom-{slug}";
  return [textAt(face, "path"), textAt(face, "code").toLowerCase(), ...textsAt(face, "aliases")].includes(name);
}

/** What is known of a row's provider. */
interface Form {
  code: string;
  fields: string[];
  kinds: ReadonlyMap<string, string>;
  /** The rules of this tool, where the service has the same ones. */
  entries: readonly Entry[];
}

function formOf(face: unknown, registry: Registry, name: string): Form {
  const family = registry.familyOf(name);
  const one = registry.byPath(name);
  const entries = family.length > 0 ? family : one === null ? [] : [one];
  const fields = [face, ...entries.map(publicFace)].flatMap((form) =>
    listAt(form, "fields").map((field) => textAt(field, "name")),
  );
  const isSame = entries.some((entry) =>
    isDeepStrictEqual(asSent({ ...publicFace(entry), code: textAt(face, "code") }), face),
  );
  return {
    code: name.startsWith("custom-") ? name : textAt(face, "code"),
    fields: [...new Set(fields)],
    kinds: new Map(listAt(face, "metadata").map((one) => [textAt(one, "name"), textAt(one, "kind")])),
    entries: isSame ? entries : [],
  };
}

function asSent(face: object): unknown {
  return JSON.parse(JSON.stringify(face));
}

/** The entry that an item means; `null` where the service knows the provider otherwise than this tool. */
function chosen(form: Form, registry: Registry, name: string, item: ImportItem): Entry | null | Fault {
  const [only] = form.entries;
  if (only === undefined) return null;
  if (registry.familyOf(name).length === 0) return only;
  try {
    return chooseByShape(form.entries, item);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

/** The item that a row stands for: fields by their own columns, or a whole credential in one. */
function itemOf(
  row: Row,
  provider: string,
  form: Form,
  columns: readonly string[],
): { item: ImportItem } | RowProblem[] {
  const problems: RowProblem[] = [];
  const complain = (field: string, message: string, remedy: string): void => {
    problems.push({ row: row.row, provider: form.code, field, message, remedy });
  };
  const fields: Record<string, unknown> = {};
  const metadata: Record<string, unknown> = {};
  for (const [name, cell] of row.cells) {
    if (name === "metadata") {
      const whole = typeof cell === "string" ? parseJson(cell) : cell;
      if (isRecord(whole)) Object.assign(metadata, whole);
      else
        complain(name, "must be an object of settings", 'For example {"team": "finance"}, or a column metadata.team');
    } else if (name.startsWith("metadata.")) metadata[name.slice("metadata.".length)] = cell;
    else if (form.fields.includes(name)) fields[name] = typeof cell === "string" ? cell.trim() : cell;
    else if (!OWN.some((own) => own === name)) {
      if (columns.includes(name)) complain(name, `is no field of ${provider}`, fieldsOf(form));
      else if (columns.length === 0)
        problems.push({
          row: row.row,
          provider: form.code,
          ...unknownColumn(name, [...OWN, ...form.fields], "a name"),
        });
    }
  }
  for (const [name, value] of Object.entries(metadata)) {
    const read = typedSetting(
      value,
      form.kinds.get(name) ?? (Object.hasOwn(generalMetadata, name) ? generalMetadata[name] : undefined),
    );
    if ("wrong" in read) complain(`metadata.${name}`, read.wrong, 'A list is written in JSON: ["prod","eu"]');
    else metadata[name] = read.value;
  }
  const whole = row.cells.get("credential");
  if (whole !== undefined && Object.keys(fields).length > 0)
    complain("credential", "stands beside columns of the provider's own fields", "Use the one or the others");
  const label = row.cells.get("credential_name");
  if (label !== undefined && typeof label !== "string")
    complain("credential_name", "must be a text", "Write it in quotes");
  if (typeof label === "string" && (label.trim().length > 100 || /[\p{Cc}\p{Cf}\u2028\u2029]/u.test(label.trim())))
    complain("credential_name", "must be 1-100 characters without control characters", "Shorten it");
  if (whole !== undefined && typeof whole !== "string" && !isRecord(whole))
    complain("credential", "must be a text or an object of fields", fieldsOf(form));
  if (problems.length > 0) return problems;
  const credential = whole === undefined ? (Object.keys(fields).length > 0 ? fields : undefined) : wholeOf(whole);
  return {
    item: {
      provider,
      ...(credential === undefined ? {} : { credential }),
      ...(typeof label === "string" ? { credential_name: label.trim() } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    },
  };
}

function fieldsOf({ fields }: Form): string {
  return fields.length > 0 ? `Its fields are: ${fields.join(", ")}` : "It takes no credential: only metadata";
}

function wholeOf(cell: unknown): string | Record<string, unknown> {
  if (isRecord(cell)) return cell;
  const text = String(cell).trim();
  const parsed = text.startsWith("{") ? parseJson(text) : undefined;
  return isRecord(parsed) ? parsed : text;
}

/** Everything that the service would refuse without asking anybody. */
function faultsOf(registry: Registry, entry: Entry, item: ImportItem, replaces: boolean): Fault[] {
  const { credential, credential_name: name, metadata = {} } = item;
  const takesNone = entry.credential_type === "none";
  return [
    () => requireHarmlessName(registry, name),
    ...Object.entries(metadata).map(
      ([setting, value]) =>
        () =>
          void checkMetadata(registry, entry, { [setting]: value }),
    ),
    () => {
      if (takesNone && credential !== undefined)
        throw refused(
          "/credential",
          "is not taken: a manual subscription has no secret",
          "Leave it empty; its record goes into metadata",
        );
      if (!takesNone && credential === undefined)
        throw refused(
          "/credential",
          "is missing",
          `Its fields are: ${entry.fields.map(({ name }) => name).join(", ")}`,
        );
      if (credential !== undefined) checkCredential(registry, entry, credential);
    },
    // What is stored already is kept where the row says nothing of it.
    () => {
      if (replaces) return;
      if (takesNone) requireRecord(entry, metadata);
      if (entry.custom && name === undefined)
        throw refused(
          "/credential_name",
          "is missing: a custom subscription is listed by it",
          `Name it, such as ${pathOf(entry).slice("custom-".length)}`,
        );
    },
  ].flatMap((check) => faultIn(check));
}

function faultIn(check: () => void): Fault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof Fault) return [error];
    throw error;
  }
}

function refused(field: string, message: string, remedy: string): Fault {
  return new Fault("request_malformed", { detail: message, errors: [{ field, message }], remedy });
}

/** A fault as problems of its row, a line for each field. */
export function problemsOf(row: number, provider: string, fault: Fault): RowProblem[] {
  const { errors = [], remedy } = fault.details;
  const found = errors.length > 0 ? errors : [{ field: "", message: fault.message }];
  // It is the remedy of one of them, and that is mostly the first.
  return found.map(({ field, message }, place) => ({
    ...{ row, provider, field: columnOf(field), message },
    remedy: place === 0 ? (remedy ?? null) : null,
  }));
}

/** A pointer into an item as the column that it means: `/credential/api_key` is `api_key`. */
export function columnOf(pointer: string): string {
  return pointer
    .replace(/^\/items\/\d+/, "")
    .replace(/^\/(?:credential\/)?/, "")
    .replaceAll("/", ".");
}
