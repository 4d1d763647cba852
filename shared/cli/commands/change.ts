import { randomUUID } from "node:crypto";
import { printAnswer, storedText, verdictText } from "../answers.ts";
import { orgArgument, providerArgument } from "../arguments.ts";
import type { Command, Context, Option } from "../command.ts";
import { confirm } from "../confirm.ts";
import { ask, requireService } from "../http-client.ts";
import { readMoment } from "../moments.ts";
import { formOf } from "../provider-form.ts";
import { at, textAt } from "../read.ts";
import { fileOption, readSecret } from "../secret-input.ts";
import { typedSetting } from "../settings.ts";
import { moment } from "../show.ts";
import { exits, usage } from "../stop.ts";

const ETAG = /^(?:\*|(?:"?v\d{1,15}"?)(?:,"?v\d{1,15}"?)*)$/;

const ifMatch: Option = {
  value: "<version>",
  help: "Only if this is still the version, as get shows it: v3",
  check: (text) => (ETAG.test(text) ? null : "must be a version like v3, or '*'"),
};
const name: Option = { value: "<text>", help: "A label for the credential" };
const metadata: Option = {
  value: "<key=value>",
  help: "A setting that is no secret; may be repeated; lists in JSON",
  many: true,
  opaque: true,
  check: (text) => (/^[a-z][a-z0-9_]{0,63}=/.test(text) ? null : "must be key=value"),
};
const secretNotes = [
  "The secret is read from stdin, from --file, or from a hidden prompt; never from the command line.",
  "Credentials of several fields are a JSON object of them. A manual subscription has none: only --metadata.",
];

export const setup: Command = {
  name: "setup",
  group: "integrations",
  summary: "Prove a credential at its provider and store it encrypted",
  arguments: [orgArgument, providerArgument],
  options: {
    file: fileOption,
    name,
    metadata,
    expires: { value: "<90d|date>", help: "When the credential ends, where you know" },
    "skip-validation": { help: "Store it as PENDING without asking the provider" },
    "dry-run": { help: "Ask the provider, store nothing" },
    "create-only": { help: "Refuse to replace what is configured" },
    "if-match": ifMatch,
  },
  example: "cloudact-integrations setup acme openai --file key.txt",
  notes: secretNotes,
  takesSecret: true,
  async run(context) {
    const { given, terminal, json } = context;
    const dryRun = given.flag("dry-run");
    const label = given.text("name");
    const expires = given.text("expires");
    const until = expires === null ? null : readMoment("expires", expires, Date.now());
    const { org, path, provider } = targetOf(context);
    requireService(context, "organisation");
    const { takesSecret, kinds } = await formOf(context, org, provider);
    const settings = readMetadata(given.texts("metadata"), { removes: false, kinds });
    const rest = {
      ...(label === null ? {} : { credential_name: label }),
      ...(settings === null ? {} : { metadata: settings }),
      ...(given.flag("skip-validation") ? { skip_validation: true } : {}),
      ...(until === null ? {} : { expires_at: until }),
    };
    const answer = await ask(context, {
      method: "POST",
      path: `${path}/setup`,
      query: { dry_run: dryRun ? "true" : null },
      headers: {
        ...changeHeaders(context),
        ...(given.flag("create-only") ? { "if-none-match": "*" } : {}),
      },
      body:
        takesSecret || given.text("file") !== null
          ? { credential: await readSecret(context, provider), ...rest }
          : rest,
      as: "organisation",
    });
    printAnswer(terminal, json, answer, () =>
      dryRun ? verdictText(terminal, answer.body) : storedText(terminal, answer.body, answer.etag),
    );
    return at(answer.body, "success") === false ? exits.negative : exits.ok;
  },
};

export const update: Command = {
  name: "update",
  group: "integrations",
  summary: "Change what is stored; without --credential the secret is kept",
  arguments: [orgArgument, providerArgument],
  options: {
    name,
    metadata: { ...metadata, help: "Set a setting; key= removes it; may be repeated; lists in JSON" },
    enable: { help: "Let pipelines read it again" },
    disable: { help: "Refuse it to pipelines, keep it" },
    expires: { value: "<90d|date|none>", help: "When the credential ends; none removes the date" },
    "deactivate-at": { value: "<time|none>", help: "When to stop; none cancels" },
    credential: { help: "Replace the secret too, read as setup does" },
    file: fileOption,
    "if-match": ifMatch,
  },
  example: "cloudact-integrations update acme openai --disable",
  notes: secretNotes,
  takesSecret: true,
  async run(context) {
    const { given, terminal, json } = context;
    if (given.flag("enable") && given.flag("disable")) throw usage("--enable and --disable exclude each other");
    const label = given.text("name");
    const texts = given.texts("metadata");
    const moments = {
      ...momentOrNone(context, "expires", "expires_at"),
      ...momentOrNone(context, "deactivate-at", "deactivation_scheduled_at"),
    };
    const withSecret = given.flag("credential") || given.text("file") !== null;
    const rest = {
      ...(label === null ? {} : { credential_name: label }),
      ...(given.flag("enable") ? { enabled: true } : {}),
      ...(given.flag("disable") ? { enabled: false } : {}),
      ...moments,
    };
    if (!withSecret && texts.length === 0 && Object.keys(rest).length === 0)
      throw usage(
        "There is nothing to change",
        "Give at least one of --name, --metadata, --enable, --disable, --expires, --deactivate-at, --credential",
      );
    const { org, path, provider } = targetOf(context);
    requireService(context, "organisation");
    const { kinds } = texts.length === 0 ? { kinds: new Map() } : await formOf(context, org, provider);
    const settings = readMetadata(texts, { removes: true, kinds });
    const changes = { ...rest, ...(settings === null ? {} : { metadata: settings }) };
    const answer = await ask(context, {
      method: "PUT",
      path,
      headers: changeHeaders(context),
      body: { ...changes, ...(withSecret ? { credential: await readSecret(context, provider) } : {}) },
      as: "organisation",
    });
    printAnswer(terminal, json, answer, () => storedText(terminal, answer.body, answer.etag));
    return exits.ok;
  },
};

export const rotate: Command = {
  name: "rotate",
  group: "integrations",
  summary: "Replace the secret; the old one stays active until the new one is proven",
  arguments: [orgArgument, providerArgument],
  options: { file: fileOption, "if-match": ifMatch },
  example: "cloudact-integrations rotate acme openai < new-key.txt",
  notes: secretNotes,
  takesSecret: true,
  async run(context) {
    const { terminal, json } = context;
    const { path, provider } = targetOf(context);
    requireService(context, "organisation");
    const answer = await ask(context, {
      method: "POST",
      path: `${path}/rotate`,
      headers: changeHeaders(context),
      body: { new_credentials: await readSecret(context, provider) },
      as: "organisation",
    });
    printAnswer(terminal, json, answer, () => storedText(terminal, answer.body, answer.etag));
    return exits.ok;
  },
};

export const remove: Command = {
  name: "delete",
  group: "integrations",
  summary: "Delete an integration, now or at a time",
  arguments: [orgArgument, providerArgument],
  options: {
    at: { value: "<7d|time>", help: "Schedule it for then" },
    yes: { help: "Do not ask" },
    "if-match": ifMatch,
  },
  example: "cloudact-integrations delete acme openai --at 2027-01-31",
  async run(context) {
    const { given, terminal, json } = context;
    const { org, path, provider } = targetOf(context);
    const text = given.text("at");
    const when = text === null ? null : readMoment("at", text, Date.now());
    requireService(context, "organisation");
    const question = `Delete ${provider} of ${org} ${when === null ? "now" : `at ${moment(when)}`}? Its pipelines lose it.`;
    if (!(await confirm(terminal, question, given.flag("yes")))) {
      terminal.note("Nothing was deleted");
      return exits.negative;
    }
    const answer = await ask(context, {
      method: "DELETE",
      path,
      query: { deactivation_scheduled_at: when },
      headers: matchHeader(context),
      as: "organisation",
    });
    printAnswer(terminal, json, answer, () => {
      const due = at(answer.body, "deactivation_scheduled_at");
      return terminal.tone(
        "good",
        `${textAt(answer.body, "message")}${due === undefined ? "" : ` for ${moment(due)}`}`,
      );
    });
    return exits.ok;
  },
};

/** The pair that a command is about, and its path: both words were checked. */
export function targetOf({ given }: Context): { org: string; provider: string; path: string } {
  const org = given.argument("org");
  const provider = given.argument("provider").toLowerCase();
  return { org, provider, path: `/${org}/${provider}` };
}

/**
 * Settings as they are sent: a whole number or true and false where the provider's form says so, a list where the value
 * is one in JSON, else text; `null` removes.
 *
 * @returns `null` where none were given
 * @throws Stop usage
 */
export function readMetadata(
  texts: readonly string[],
  options: { removes: boolean; kinds: ReadonlyMap<string, string> },
): Record<string, unknown> | null {
  if (texts.length === 0) return null;
  return Object.fromEntries(
    texts.map((text): [string, unknown] => {
      const cut = text.indexOf("=");
      const [key, value] = [text.slice(0, cut), text.slice(cut + 1)];
      if (value !== "") return [key, typed(key, value, options.kinds.get(key))];
      if (options.removes) return [key, null];
      throw usage(`--metadata ${key}= has no value`);
    }),
  );
}

function typed(key: string, text: string, kind: string | undefined): unknown {
  const read = typedSetting(text, kind);
  if ("value" in read) return read.value;
  throw usage(`--metadata ${key}= ${read.wrong}`, 'For example: --metadata \'tags=["prod","eu"]\'');
}

function momentOrNone({ given }: Context, option: string, member: string): Record<string, string | null> {
  const text = given.text(option);
  if (text === null) return {};
  return { [member]: text === "none" ? null : readMoment(option, text, Date.now()) };
}

function changeHeaders(context: Context): Record<string, string> {
  return { "idempotency-key": randomUUID(), ...matchHeader(context) };
}

/** `v3` as the header wants it: `"v3"`. */
function matchHeader({ given }: Context): Record<string, string> {
  const text = given.text("if-match");
  if (text === null) return {};
  return { "if-match": text === "*" ? text : text.replace(/"?(v\d+)"?/g, '"$1"') };
}
