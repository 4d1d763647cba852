import type { Entry } from "./entry.ts";

/** Members and indices from an entry downwards. */
export type Path = Array<string | number>;

/** Something an entry's schema cannot see. */
export interface Complaint {
  path: Path;
  message: string;
}

/** Path segments that routes use beside providers. */
const RESERVED = new Set(["import"]);
/** Headers that belong to the connection or to us. */
const OUR_HEADERS = new Set([
  "host",
  "connection",
  "content-length",
  "transfer-encoding",
  "cookie",
  "origin",
  "referer",
  "user-agent",
]);

/** What is wrong between the parts of one entry: names that point nowhere, secrets that are never or wrongly sent. */
export function complaintsOf(entry: Entry, protocols: readonly string[] | null): Complaint[] {
  return [
    ...duplicates(entry),
    ...reservedNames(entry),
    ...pipelineComplaints(entry),
    ...kindComplaints(entry),
    ...requiresComplaints(entry),
    ...fixedComplaints(entry),
    ...shapeComplaints(entry),
    ...probeComplaints(entry, protocols),
    ...exampleComplaints(entry),
  ];
}

/** Recorded answers are replayed to the rules of an HTTP probe; whoever speaks a protocol of its own brings other ones. */
function exampleComplaints(entry: Entry): Complaint[] {
  const isHttp = entry.probe !== undefined && !("protocol" in entry.probe);
  if (isHttp || entry.examples.length === 0) return [];
  return [{ path: ["examples"], message: "are read by the rules of an HTTP probe, which this entry has not" }];
}

function duplicates(entry: Entry): Complaint[] {
  const lists: Array<[string, string, string[]]> = [
    ["fields", "name", entry.fields.map(({ name }) => name)],
    ["metadata", "name", entry.metadata.map(({ name }) => name)],
    ["capabilities", "id", entry.capabilities.map(({ id }) => id)],
    ["pipelines", "id", entry.pipelines.map(({ id }) => id)],
    ["snippets", "id", entry.snippets.map(({ id }) => id)],
    ["examples", "name", entry.examples.map(({ name }) => name)],
  ];
  const repeated = lists.flatMap(([list, member, names]) =>
    names.flatMap((name, index) =>
      names.indexOf(name) < index ? [{ path: [list, index, member], message: `\`${name}\` stands twice` }] : [],
    ),
  );
  const mirrored = entry.metadata.flatMap(({ name }, index) =>
    entry.fields.some((field) => field.name === name)
      ? [{ path: ["metadata", index, "name"], message: `\`${name}\` is a field of the credential` }]
      : [],
  );
  return [...repeated, ...mirrored];
}

function reservedNames(entry: Entry): Complaint[] {
  return [
    ...(RESERVED.has(entry.code.toLowerCase()) ? [{ path: ["code"], message: "is a word of the routes" }] : []),
    ...entry.aliases.flatMap((alias, index) =>
      RESERVED.has(alias) ? [{ path: ["aliases", index], message: "is a word of the routes" }] : [],
    ),
  ];
}

function pipelineComplaints(entry: Entry): Complaint[] {
  const declared = new Set(entry.capabilities.map(({ id }) => id));
  return entry.pipelines.flatMap((pipeline, index) =>
    (["all_of", "any_of"] as const).flatMap((list) =>
      pipeline[list].flatMap((id, position) =>
        declared.has(id)
          ? []
          : [
              {
                path: ["pipelines", index, list, position],
                message: `capability \`${id}\` is not declared in this entry`,
              },
            ],
      ),
    ),
  );
}

/** What takes a credential must say which and prove it; what takes none has neither fields nor a probe. */
function kindComplaints(entry: Entry): Complaint[] {
  const takesNone = entry.credential_type === "none";
  const complaints: Complaint[] = [];
  if (takesNone && entry.fields.length > 0)
    complaints.push({ path: ["fields"], message: "must be left out where credential_type is none" });
  if (takesNone && entry.probe !== undefined)
    complaints.push({ path: ["probe"], message: "must be left out where credential_type is none" });
  if (!takesNone && entry.fields.length === 0) complaints.push({ path: ["fields"], message: "is missing" });
  if (!takesNone && entry.probe === undefined) complaints.push({ path: ["probe"], message: "is missing" });
  if (entry.custom && !takesNone)
    complaints.push({ path: ["custom"], message: "is for entries whose credential_type is none" });
  return complaints;
}

function requiresComplaints(entry: Entry): Complaint[] {
  return entry.requires.flatMap((name, index) =>
    entry.metadata.some((setting) => setting.name === name)
      ? []
      : [{ path: ["requires", index], message: `\`${name}\` is no setting in this entry's metadata` }],
  );
}

/** A fixed value may be made of other fields, which then must always be there and must not be secret. */
function fixedComplaints(entry: Entry): Complaint[] {
  return entry.fields.flatMap(({ fixed }, index) =>
    [...(fixed ?? "").matchAll(/\{([a-z][a-z0-9_]*)\}/g)].flatMap(([, name]) => {
      const source = entry.fields.find((field) => field.name === name);
      const usable = source && !source.secret && !source.optional && source.fixed === undefined;
      return usable
        ? []
        : [
            {
              path: ["fields", index, "fixed"],
              message: `\`{${name}}\` is no required, non-secret field of this entry`,
            },
          ];
    }),
  );
}

/** A shape that is refused or warned of must say why. */
function shapeComplaints(entry: Entry): Complaint[] {
  return entry.fields.flatMap((field, index) =>
    (["warn", "refuse"] as const).flatMap((list) =>
      field[list].flatMap(({ reason }, position) =>
        Object.hasOwn(entry.reasons, reason)
          ? []
          : [
              {
                path: ["fields", index, list, position, "reason"],
                message: `\`${reason}\` has no text in \`reasons\``,
              },
            ],
      ),
    ),
  );
}

function probeComplaints(entry: Entry, protocols: readonly string[] | null): Complaint[] {
  const { probe } = entry;
  if (probe === undefined) return [];
  if ("protocol" in probe) {
    if (protocols === null || protocols.includes(probe.protocol)) return [];
    return [{ path: ["probe", "protocol"], message: "no file in shared/providers speaks it" }];
  }
  const method = probe.get === undefined ? "post" : "get";
  const call = probe.get ?? probe.post;
  if (call === undefined) return [];
  const at = (...path: Path): Path => ["probe", method, ...path];
  const complaints: Complaint[] = [];
  if (!Object.hasOwn(entry.endpoints, call.endpoint)) {
    complaints.push({ path: at("endpoint"), message: `endpoint \`${call.endpoint}\` is not one of this entry's` });
  }
  if (/[{}]/.test(call.path)) {
    complaints.push({
      path: at("path"),
      message: "a path is never interpolated: a `{field}` may stand in headers and body only",
    });
  }
  const sent: Array<[Path, string]> = Object.entries(call.headers).map(([name, value]) => [at("headers", name), value]);
  for (const [path, value] of sent) {
    if (OUR_HEADERS.has(String(path.at(-1))))
      complaints.push({ path, message: "is not a header that a provider may set" });
    if (!/^[\x20-\x7e]+$/.test(value)) complaints.push({ path, message: "must be printable ASCII" });
  }
  if (probe.post) sent.push(...textsIn(probe.post.body, at("body")));
  const fields = new Set(entry.fields.map(({ name }) => name));
  const used = new Set<string>();
  for (const [path, text] of sent) {
    for (const [, name] of text.matchAll(/\{([a-z][a-z0-9_]*)\}/g)) {
      if (name === undefined) continue;
      used.add(name);
      if (!fields.has(name)) complaints.push({ path, message: `\`{${name}}\` is not a field of this entry` });
    }
  }
  for (const [index, field] of entry.fields.entries()) {
    if (field.secret && !used.has(field.name)) {
      complaints.push({
        path: ["fields", index, "name"],
        message: "is secret and sent nowhere: the probe would pass without it",
      });
    }
  }
  return complaints;
}

/** Every text in a JSON value, with its path. */
function textsIn(value: unknown, path: Path): Array<[Path, string]> {
  if (typeof value === "string") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  const members: Array<[string | number, unknown]> = Array.isArray(value)
    ? [...value.entries()]
    : Object.entries(value);
  return members.flatMap(([name, member]) => textsIn(member, [...path, name]));
}
