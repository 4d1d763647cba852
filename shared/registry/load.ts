import { type Document, isAlias, isMap, isNode, isPair, LineCounter, parseDocument, visit } from "yaml";
import { z } from "zod";
import { PROVIDER_SLUG } from "../contract/names.ts";
import { complaintsOf, type Path } from "./complaints.ts";
import { overrideEndpoints } from "./endpoints.ts";
import { type Entry, entrySchema, takenOver } from "./entry.ts";

/** One registry file: a name for error messages, and its YAML. */
export interface Source {
  name: string;
  text: string;
}

/** Every provider the service knows. */
export interface Registry {
  /** In the order of the files, without the pattern of custom subscriptions. */
  entries: readonly Entry[];
  /** The pattern of all `custom-{slug}`; `null` where the registry has none. */
  custom: Entry | null;
  /** By code, exactly, or by `custom-{slug}`. */
  byCode(code: string): Entry | null;
  /** By a path segment: an alias or a code in lower case, exactly, or `custom-{slug}`. */
  byPath(segment: string): Entry | null;
  /** The entries that a segment leaves open, in their order: of `aws` and of a family's first entry; else none. */
  familyOf(segment: string): readonly Entry[];
}

/** One thing that is wrong in a registry file. `line` counts from 1; 0 where there is none. */
export interface Problem {
  source: string;
  line: number;
  path: string;
  message: string;
}

/** Everything that is wrong in the registry files, one line each. */
export class RegistryError extends Error {
  override readonly name = "RegistryError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ source, line, path, message }) => {
      return `  ${source}${line > 0 ? `:${line}` : ""}${path ? ` ${path}` : ""}: ${message}`;
    });
    super(`The provider registry is wrong:\n${lines.join("\n")}`);
    this.problems = problems;
  }
}

/**
 * Reads and checks registry files; later ones add to earlier ones. `endpointOverrides` replaces base URLs, by
 * `<CODE>_<NAME>` in upper case; `protocols` are the names that `probe.protocol` may hold (any where left out).
 * @throws RegistryError with everything that is wrong in all files.
 */
export function loadRegistry(
  sources: readonly Source[],
  endpointOverrides: ReadonlyMap<string, string> = new Map(),
  protocols: readonly string[] | null = null,
): Registry {
  const problems: Problem[] = [];
  const entries: Entry[] = [];
  const taken = new Map<string, string>();
  const above = new Map<string, object>();
  for (const source of sources) {
    const file = readSource(source, problems);
    for (const [index, alone] of file.entries) {
      const at = (path: Path): Path => ["providers", index, ...path];
      const raw = withTakenOver(alone, above);
      if (raw === undefined) {
        file.complain(at(["like"]), "names no entry that stands above this one and is right");
        continue;
      }
      const parsed = entrySchema.safeParse(raw);
      if (!parsed.success) {
        for (const issue of flattened(parsed.error.issues)) file.complain(at(issue.path.map(key)), issue.message);
        continue;
      }
      if (typeof raw === "object" && raw !== null) above.set(parsed.data.code, raw);
      const entry = withRequired(withGenaiDefaults(parsed.data));
      for (const { path, message } of complaintsOf(entry, protocols)) file.complain(at(path), message);
      for (const { name, path } of namesOf(entry)) {
        const owner = taken.get(name);
        if (owner !== undefined) file.complain(at(path), `\`${name}\` is already taken by ${owner}`);
        else taken.set(name, `${entry.code} (${source.name}:${file.lineOf(at(path))})`);
      }
      if (entry.custom && entries.some((one) => one.custom))
        file.complain(at(["custom"]), "is already another entry's");
      if (entry.family !== undefined) {
        const family = `the family ${entry.family}`;
        const owner = taken.get(entry.family) ?? family;
        if (owner !== family) file.complain(at(["family"]), `\`${entry.family}\` is already taken by ${owner}`);
        taken.set(entry.family, owner);
      }
      entries.push(entry);
    }
  }
  problems.sort((one, other) => (one.source === other.source ? one.line - other.line : 0));
  if (problems.length > 0) throw new RegistryError(problems);
  return openRegistry(entries, endpointOverrides);
}

/**
 * A registry of entries that have been checked, the pattern of custom subscriptions among them: what the build compiles,
 * so that an artifact reads no YAML at its start.
 * @throws RegistryError where an endpoint override is wrong
 */
export function openRegistry(entries: readonly Entry[], endpointOverrides: ReadonlyMap<string, string>): Registry {
  const overridden = overrideEndpoints(entries, endpointOverrides);
  if (overridden.wrong.length > 0)
    throw new RegistryError(
      overridden.wrong.map(({ key, message }) => ({ source: `endpoint override ${key}`, line: 0, path: "", message })),
    );
  return registryOf(overridden.entries);
}

function registryOf(all: readonly Entry[]): Registry {
  const entries = deepFreeze(all.filter(({ custom }) => !custom));
  const pattern = deepFreeze(all.find(({ custom }) => custom) ?? null);
  const codes = new Map(entries.map((entry) => [entry.code, entry] as const));
  const paths = new Map(entries.flatMap((entry) => namesOf(entry).map(({ name }) => [name, entry] as const)));
  // Made anew each time: any slug may be asked for, and none of them needs remembering.
  const custom = (slug: string): Entry | null =>
    pattern !== null && CUSTOM.test(slug) && PROVIDER_SLUG.test(slug) ? { ...pattern, code: slug } : null;
  return {
    entries,
    custom: pattern,
    byCode: (code) => codes.get(code) ?? custom(code),
    byPath: (segment) => paths.get(segment) ?? custom(segment),
    familyOf(segment) {
      const family = paths.get(segment)?.family ?? segment;
      const members = entries.filter((entry) => entry.family === family);
      const [first] = members;
      return segment === family || segment === first?.code.toLowerCase() ? members : [];
    },
  };
}

const CUSTOM = /^custom-/;

/** An entry as it was written, with what it leaves to the one that it is like; `undefined` where there is no such one. */
function withTakenOver(alone: unknown, above: ReadonlyMap<string, object>): unknown {
  if (typeof alone !== "object" || alone === null || !("like" in alone)) return alone;
  const base = above.get(String(alone.like));
  if (base === undefined) return undefined;
  const left = Object.entries(base).filter(([name]) => takenOver.some((one) => one === name));
  return { ...Object.fromEntries(left), ...alone };
}

/** The settings that an entry requires by name are marked as such. */
function withRequired(entry: Entry): Entry {
  if (entry.requires.length === 0) return entry;
  const metadata = entry.metadata.map((one) => (entry.requires.includes(one.name) ? { ...one, required: true } : one));
  return { ...entry, metadata };
}

/** Every genai provider feeds the usage pipeline: one that names no pipeline gets it, and the capabilities that it needs. */
function withGenaiDefaults(entry: Entry): Entry {
  if (entry.category !== "genai" || entry.pipelines.length > 0) return entry;
  const needed = ["usage_read", "cost_read"];
  const missing = needed.filter((id) => !entry.capabilities.some((known) => known.id === id));
  return {
    ...entry,
    capabilities: [...entry.capabilities, ...missing.map((id) => ({ id, required: false, state: "unknown" as const }))],
    pipelines: [{ id: "genai.payg_usage", all_of: [], any_of: needed, session_actions: [] }],
  };
}

/** What an entry answers to in a path; an alias that spells its own code is one name, not two. */
function namesOf(entry: Entry): Array<{ name: string; path: Path }> {
  const code = entry.code.toLowerCase();
  const aliases = entry.aliases.map((name, index): { name: string; path: Path } => ({
    name,
    path: ["aliases", index],
  }));
  return [{ name: code, path: ["code"] }, ...aliases.filter(({ name }) => name !== code)];
}

interface File {
  entries: Array<[number, unknown]>;
  complain(path: Path, message: string): void;
  lineOf(path: Path): number;
}

const fileSchema = z.strictObject({ providers: z.array(z.unknown()).min(1) });
/** A registry of a hundred providers is a tenth of this. */
const LARGEST_FILE = 1024 * 1024;

function readSource(source: Source, problems: Problem[]): File {
  const lines = new LineCounter();
  const complainAt = (line: number, path: string, message: string): void => {
    problems.push({ source: source.name, line, path, message });
  };
  const nothing: File = { entries: [], complain: () => {}, lineOf: () => 1 };
  if (source.text.length > LARGEST_FILE) {
    complainAt(1, "", "is larger than 1 MiB");
    return nothing;
  }
  const document = parse(source.text, lines);
  // A warning is an unknown tag, which YAML would silently read as text.
  // Behind the first few, syntax errors are only echoes of one another.
  for (const error of [...document.errors, ...document.warnings].slice(0, 3)) {
    complainAt(lines.linePos(error.pos[0]).line, "", `is not plain YAML: ${firstSentence(error.message)}`);
  }
  visit(document, {
    Node(_, node) {
      if (isAlias(node) || node.anchor !== undefined) {
        complainAt(lines.linePos(node.range?.[0] ?? 0).line, "", "anchors and aliases are not taken: write it out");
      }
    },
  });
  if (problems.some((problem) => problem.source === source.name)) return nothing;

  const lineOf = (path: Path): number => lines.linePos(offsetOf(document, path)).line;
  const complain = (path: Path, message: string): void => complainAt(lineOf(path), written(path), message);
  const parsed = fileSchema.safeParse(document.toJS());
  if (!parsed.success) {
    for (const issue of flattened(parsed.error.issues)) complain(issue.path.map(key), issue.message);
    return nothing;
  }
  return { entries: [...parsed.data.providers.entries()], complain, lineOf };
}

/** Where in the text a path stands: its key, or the nearest thing above it that exists. */
function offsetOf(document: Document, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const last = path[length - 1];
    const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isPair(item) && isNode(item.key) && String(item.key) === String(last));
      if (pair && isNode(pair.key) && pair.key.range) return pair.key.range[0];
      continue;
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

/** Issues of unions replaced by those of the alternative that was meant: the one with the fewest; unknown keys one by one. */
function flattened(issues: readonly z.core.$ZodIssue[]): Array<{ path: PropertyKey[]; message: string }> {
  return issues.flatMap((issue) => {
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((name) => ({ path: [...issue.path, name], message: "is not known here" }));
    }
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      const meant = issue.errors.reduce((best, one) => (one.length < best.length ? one : best));
      return flattened(meant).map(({ path, message }) => ({ path: [...issue.path, ...path], message }));
    }
    const isMissing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
    return [{ path: issue.path, message: isMissing ? "is missing" : issue.message }];
  });
}

function key(part: PropertyKey): string | number {
  return typeof part === "symbol" ? part.toString() : part;
}

/** `providers[0].fields[1].pattern`. */
function written(path: Path): string {
  return path.reduce<string>(
    (text, part) => (typeof part === "number" ? `${text}[${part}]` : text ? `${text}.${part}` : part),
    "",
  );
}

function firstSentence(message: string): string {
  return message.split("\n")[0] ?? "";
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
}

/** A path with `[]` that stands unquoted in braces, where YAML takes the bracket for the start of a list. */
const BARE_PATH = /\b(at|has|expires):( +)([A-Za-z_][\w.-]*\[\][\w.[\]-]*)/g;

/** Parses a file; where that fails only because paths such as `error.details[].reason` are not quoted, as if they were. */
function parse(text: string, lines: LineCounter): Document.Parsed {
  const options = { prettyErrors: false, schema: "core", stringKeys: true, uniqueKeys: true } as const;
  const strict = parseDocument(text, { ...options, lineCounter: lines });
  if (strict.errors.length === 0) return strict;
  const quoted = text.replace(BARE_PATH, '$1:$2"$3"');
  if (quoted === text) return strict;
  const again = new LineCounter();
  const lenient = parseDocument(quoted, { ...options, lineCounter: again });
  if (lenient.errors.length >= strict.errors.length) return strict;
  lines.lineStarts = again.lineStarts;
  return lenient;
}
