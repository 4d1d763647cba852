import { pathOf } from "../../shared/registry/check.ts";
import type { Entry, Setting } from "../../shared/registry/entry.ts";
import { block, bullets, code, page, prose, table } from "./markdown.ts";
import { settingShape, YOUR_ORG } from "./words.ts";

/** How to hand a credential in: by HTTP, and by the command line. */
export function setupLines(entry: Entry): string {
  const path = pathOf(entry);
  const settings = shownSettings(entry);
  const file = fileName(entry);
  const [setting] = settings;
  return page(
    entry.fields.some(({ secret }) => secret)
      ? "Keep secrets in files or pipes, never on a command line, where others can see them."
      : "",
    entry.document ? `${code(file)} is the key file as it was downloaded.` : exampleFile(entry, settings),
    "By HTTP:",
    block("sh", entry.document ? documentCurl(path, settings) : plainCurl(path)),
    "From the terminal:",
    block("sh", commandLine(path, [`--file ${file}`, ...settings.map(metadataOption)])),
    bullets([
      ...(entry.document ? [] : [contentOf(entry, file)]),
      ...(setting && !setting.required
        ? [`${code(setting.name)} only shows how a setting is given. Leave out those that you do not need.`]
        : []),
      `Where the credential ends on a day that you know, add ${code('"expires_at": "2027-06-30"')} beside ${code("credential")}, or ${code("--expires 2027-06-30")}, and you are reminded in time.`,
      `${code("?dry_run=true")} at the end of the address, or ${code("--dry-run")}, has everything checked and nothing stored.`,
    ]),
  ).trimEnd();
}

/** The settings of an example: those that must be there, else one to show how they are given. */
function shownSettings(entry: Entry): Setting[] {
  const required = entry.metadata.filter((setting) => setting.required);
  return required.length > 0 ? required : entry.metadata.filter(({ kind }) => kind !== "list").slice(0, 1);
}

function fileName(entry: Entry): string {
  if (entry.document) return "key.json";
  const [first, ...others] = fieldsToSend(entry);
  if (others.length > 0) return "credential.json";
  return first?.secret ? "key.txt" : `${first?.name ?? "key"}.txt`;
}

/** The lines for a record without a credential; `name` is what it is listed by where its path does not say. */
export function recordLines(entry: Entry, path: string, name: string | null): string {
  const settings = entry.metadata.filter((setting) => setting.required);
  const body = { ...(name === null ? {} : { credential_name: name }), metadata: examplesOf(settings) };
  return page(
    setupFile(body),
    block("sh", plainCurl(path)),
    block("sh", commandLine(path, [...(name === null ? [] : [`--name '${name}'`]), ...settings.map(metadataOption)])),
  ).trimEnd();
}

function fieldsToSend(entry: Entry): Entry["fields"] {
  return entry.fields.filter((field) => !field.optional && field.fixed === undefined);
}

function exampleFile(entry: Entry, settings: readonly Setting[]): string {
  const fields = fieldsToSend(entry);
  const [only] = fields;
  const credential =
    fields.length === 1 && only
      ? (only.example ?? only.name)
      : Object.fromEntries(fields.map(({ name, example }) => [name, example ?? name.toUpperCase()]));
  const body = { credential, ...(settings.length > 0 ? { metadata: examplesOf(settings) } : {}) };
  return setupFile(body);
}

function setupFile(body: object): string {
  const given = `Put this into ${code("setup.json")}, with your own values:`;
  return page(given, block("json", JSON.stringify(body, null, 2))).trimEnd();
}

function contentOf(entry: Entry, file: string): string {
  const [only, ...others] = fieldsToSend(entry);
  if (others.length > 0) return `${code(file)} holds the object that stands under ${code("credential")} above.`;
  return `${code(file)} holds the ${only?.secret ? "key" : "value"} alone.`;
}

function plainCurl(path: string): string {
  return [
    `curl -s -X POST "$B/${YOUR_ORG}/${path}/setup" -H "X-API-Key: $INTEGRATIONS_API_KEY" \\`,
    "  -H 'Content-Type: application/json' --data @setup.json",
  ].join("\n");
}

/** The file goes into the body as base64, so that nothing in it needs quoting. */
function documentCurl(path: string, settings: readonly Setting[]): string {
  const given = JSON.stringify(examplesOf(settings)).replaceAll("%", "%%");
  const metadata = settings.length > 0 ? `, "metadata": ${given}` : "";
  return [
    `printf '{"credential": "%s"${metadata}}' "$(base64 < key.json | tr -d '\\n')" |`,
    `  curl -s -X POST "$B/${YOUR_ORG}/${path}/setup" -H "X-API-Key: $INTEGRATIONS_API_KEY" \\`,
    "    -H 'Content-Type: application/json' --data @-",
  ].join("\n");
}

/** The options stand on lines of their own where there are several. */
function commandLine(path: string, options: readonly string[]): string {
  const start = `npm run --silent cli -- setup ${YOUR_ORG} ${path}`;
  return [start, ...options].join(options.length > 2 ? " \\\n  " : " ");
}

function metadataOption(setting: Setting): string {
  const given = `${setting.name}=${setting.example}`;
  return `--metadata ${/^[\w@%+=:,./-]+$/.test(given) ? given : `'${given.replaceAll("'", "'\\''")}'`}`;
}

function examplesOf(settings: readonly Setting[]): Record<string, unknown> {
  return Object.fromEntries(settings.map((setting) => [setting.name, exampleOf(setting)]));
}

/** An example as JSON has it. */
function exampleOf(setting: Pick<Setting, "kind" | "example">): unknown {
  if (setting.kind === "integer") return Number(setting.example);
  if (setting.kind === "boolean") return setting.example === "true";
  return setting.example;
}

/** The settings of an entry, and below them what the elements of its lists hold. */
export function settingsTables(entry: Pick<Entry, "metadata">): string {
  if (entry.metadata.length === 0) return "";
  const lists = entry.metadata.flatMap(({ name, items }) =>
    items === undefined ? [] : [`Each element of ${code(name)} holds:`, settingsTable(items)],
  );
  return page(settingsTable(entry.metadata), ...lists).trimEnd();
}

function settingsTable(settings: ReadonlyArray<Omit<Setting, "items">>): string {
  return table(
    ["Setting", "What it is", "Required?", "Example", "Notes"],
    settings.map((setting) => [
      `${prose(setting.label)} (${code(setting.name)})`,
      settingShape(setting),
      setting.required ? "yes" : "no",
      setting.kind === "list" ? "-" : code(setting.example),
      setting.help === undefined ? "-" : prose(setting.help),
    ]),
  );
}
