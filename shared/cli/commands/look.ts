import { writeFileSync } from "node:fs";
import { exportLines, printAnswer, readinessLines, readyCount, verdictText } from "../answers.ts";
import { orgArgument, providerArgument } from "../arguments.ts";
import { calendarOf, type Occasion } from "../calendar.ts";
import type { Command, Context } from "../command.ts";
import { ask } from "../http-client.ts";
import { readPastMoment } from "../moments.ts";
import { occasionsOf } from "../occasions.ts";
import { at, listAt, membersAt, textAt, textsAt } from "../read.ts";
import { type Cell, moment, pairs, statusCell, table } from "../show.ts";
import { exits, usage } from "../stop.ts";
import { harmlessJson, plain, type Terminal } from "../terminal.ts";
import { targetOf } from "./change.ts";

export const status: Command = {
  name: "status",
  group: "integrations",
  summary: "All integrations of an organisation at a glance",
  arguments: [orgArgument],
  options: {
    category: { value: "cloud|genai|saas", help: "Only this kind", choices: ["cloud", "genai", "saas"] },
    configured: { help: "Only what is configured" },
    "expiring-within": {
      value: "<30d>",
      help: "Only what expires soon, or has",
      check: (text) => (/^[1-9]\d{0,2}d$/.test(text) ? null : "must be days like 30d, 1d to 999d"),
    },
    ics: {
      value: "<file|->",
      help: "Instead, write a calendar file of what expires, renews or is deleted",
      opaque: true,
    },
  },
  example: "cloudact-integrations status acme --expiring-within 30d",
  notes: ["--ics goes with the other filters; calendars that take a newer file move what they have."],
  async run(context) {
    const { given, terminal, json } = context;
    const org = given.argument("org");
    const ics = given.text("ics");
    if (ics === "-" && json) throw usage("--ics - and --json both print to stdout", "Name a file for the calendar");
    const answer = await ask(context, {
      method: "GET",
      path: `/${org}`,
      query: {
        category: given.text("category"),
        configured: given.flag("configured") ? "true" : null,
        expiring_within: given.text("expiring-within"),
      },
      as: "organisation",
    });
    if (ics !== null) {
      const { count, text } = await calendarFor(context, org, answer.body);
      if (ics === "-") {
        terminal.print(text.slice(0, -1));
        return exits.ok;
      }
      writeOut(ics, text);
      if (json) terminal.print(JSON.stringify({ file: ics, events: count }));
      else terminal.note(`${count} ${count === 1 ? "event" : "events"} in ${ics}`);
      return exits.ok;
    }
    printAnswer(terminal, json, answer, () => {
      const rows = membersAt(answer.body, "integrations").map(([code, one]): Cell[] => [
        { text: code, tone: "strong" },
        statusCell(textAt(one, "status")),
        statusCell(textAt(one, "lifecycle")),
        readyCount(one),
        moment(at(one, "last_checked_at")),
        moment(at(one, "expires_at")),
      ]);
      if (rows.length === 0) return `${org} has no such integration`;
      const head = ["provider", "status", "lifecycle", "ready", "last checked", "expires"];
      const configured = textsAt(answer.body, "providers_configured").length;
      const verdict =
        configured === 0
          ? "nothing is configured"
          : at(answer.body, "all_configured_valid") === true
            ? terminal.tone("good", `${configured} configured, all valid`)
            : terminal.tone("warn", `${configured} configured, not all valid`);
      return `${table(terminal, head, rows)}\n\n${verdict}`;
    });
    return exits.ok;
  },
};

/** The calendar of the configured integrations of a list; each is asked for what the list does not tell. */
async function calendarFor(context: Context, org: string, list: unknown): Promise<{ count: number; text: string }> {
  const configured = membersAt(list, "integrations").filter(([, one]) => at(one, "credential_id") !== undefined);
  const occasions: Occasion[] = [];
  for (const [code] of configured) {
    const { body } = await ask(context, { method: "GET", path: `/${org}/${code.toLowerCase()}`, as: "organisation" });
    occasions.push(...occasionsOf(org, body));
  }
  return { count: occasions.length, text: calendarOf(`Integrations of ${org}`, occasions, Date.now()) };
}

function writeOut(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "error";
    throw usage(`The file that --ics names cannot be written (${code})`, "Name a file in a folder that is there");
  }
}

export const validate: Command = {
  name: "validate",
  group: "integrations",
  summary: "Ask the provider again whether the stored credential works",
  arguments: [orgArgument, providerArgument],
  options: {},
  example: "cloudact-integrations validate acme openai",
  notes: ["Exit code 1 where it does not."],
  async run(context) {
    const { terminal, json } = context;
    const answer = await ask(context, {
      method: "POST",
      path: `${targetOf(context).path}/validate`,
      as: "organisation",
    });
    printAnswer(terminal, json, answer, () => verdictText(terminal, answer.body));
    return at(answer.body, "success") === true ? exits.ok : exits.negative;
  },
};

export const get: Command = {
  name: "get",
  group: "integrations",
  summary: "One integration in full, never its secret",
  arguments: [orgArgument, providerArgument],
  options: {},
  example: "cloudact-integrations get acme openai",
  async run(context) {
    const { terminal, json } = context;
    const answer = await ask(context, { method: "GET", path: targetOf(context).path, as: "organisation" });
    printAnswer(terminal, json, answer, () => {
      const { body } = answer;
      const settings = membersAt(body, "metadata").map(([key, value]) => `${key}=${textOf(value)}`);
      const rows: Array<[string, Cell]> = [
        ["provider", `${textAt(body, "provider")} (${textAt(body, "display_name")})`],
        ["status", statusCell(textAt(body, "status"))],
        ["lifecycle", statusCell(textAt(body, "lifecycle"))],
        ["enabled", textAt(body, "enabled")],
        ["name", textAt(body, "credential_name")],
        ["credential id", textAt(body, "credential_id")],
        ["type", textAt(body, "credential_type")],
        ["fingerprint", textAt(body, "fingerprint")],
        ["key version", textAt(body, "key_version")],
        ["version", answer.etag ?? "-"],
        ["metadata", settings.join(", ") || "-"],
        ["last outcome", textAt(body, "validation", "outcome")],
        ["message", textAt(body, "validation", "message")],
        ["remedy", textAt(body, "validation", "remedy")],
        ["last validated", moment(at(body, "last_validated_at"))],
        ["last checked", moment(at(body, "last_checked_at"))],
        ["expires", moment(at(body, "expires_at"))],
        ["deactivates", moment(at(body, "deactivation_scheduled_at"))],
        ["created", `${moment(at(body, "created_at"))} by ${textAt(body, "created_by")}`],
        ["updated", moment(at(body, "updated_at"))],
      ];
      const tables = exportLines(terminal, listAt(body, "validation", "details", "tables"));
      return [pairs(terminal, rows), ...tables, ...readinessLines(terminal, body)].join("\n");
    });
    return exits.ok;
  },
};

export const history: Command = {
  name: "history",
  group: "integrations",
  summary: "Versions and status changes, newest first",
  arguments: [orgArgument, providerArgument],
  options: {
    limit: {
      value: "<n>",
      help: "At most so many lines (50); more than a page are fetched page by page",
      check: (text) => (/^[1-9]\d{0,4}$/.test(text) ? null : "must be 1 to 99999"),
    },
    since: { value: "<30d|date>", help: "Only what is as new as that; all of it, unless --limit is given" },
    cursor: {
      value: "<cursor>",
      help: "Where the page before ended",
      opaque: true,
      check: (text) => (/^[A-Za-z0-9_-]{1,500}$/.test(text) ? null : "must be a cursor as it was given"),
    },
  },
  example: "cloudact-integrations history acme openai --since 30d",
  async run(context) {
    const { given, terminal, json } = context;
    const from = given.text("since");
    const since = from === null ? null : readPastMoment("since", from, Date.now());
    const most = Number(given.text("limit") ?? (since === null ? DEFAULT_LINES : MOST_LINES));
    const { items, next } = await linesOf(context, { since, most, cursor: given.text("cursor") });
    if (json) {
      terminal.print(harmlessJson(JSON.stringify({ items, next_cursor: next })));
      return exits.ok;
    }
    const rows = items.map((one): Cell[] => [
      moment(at(one, "at")),
      { text: textAt(one, "type"), tone: "strong" },
      statusCell(textAt(one, "status")),
      textAt(one, "fingerprint"),
      textAt(one, "key_version"),
      textAt(one, "credential_id"),
      textAt(one, "actor"),
    ]);
    const head = ["at", "what", "status", "fingerprint", "key version", "credential id", "by"];
    terminal.print(rows.length > 0 ? table(terminal, head, rows) : "There is no history");
    if (next !== null) terminal.note(`There is more: --cursor ${plain(next)}`);
    return exits.ok;
  },
};

const PAGE = 200;
const DEFAULT_LINES = 50;
const MOST_LINES = 99_999;

/** Lines of the history page by page, until there are enough of them or they are older than asked. */
async function linesOf(
  context: Context,
  { since, most, cursor }: { since: string | null; most: number; cursor: string | null },
): Promise<{ items: unknown[]; next: string | null }> {
  const items: unknown[] = [];
  let next = cursor;
  do {
    const { body } = await ask(context, {
      method: "GET",
      path: `${targetOf(context).path}/history`,
      query: { limit: String(Math.min(PAGE, most - items.length)), cursor: next },
      as: "organisation",
    });
    const page = listAt(body, "items");
    const fresh = since === null ? page : page.filter((one) => String(at(one, "at")) >= since);
    items.push(...fresh);
    const following = at(body, "next_cursor");
    next = typeof following === "string" && fresh.length === page.length ? following : null;
  } while (next !== null && items.length < most);
  return { items, next };
}

export const instructions: Command = {
  name: "instructions",
  group: "integrations",
  summary: "What to create at the provider before setup",
  arguments: [orgArgument, providerArgument],
  options: {},
  example: "cloudact-integrations instructions acme openai",
  async run(context) {
    const { terminal, json } = context;
    const { org, provider, path } = targetOf(context);
    const answer = await ask(context, { method: "GET", path: `${path}/instructions`, as: "organisation" });
    printAnswer(terminal, json, answer, () => {
      const { body } = answer;
      const steps = textsAt(body, "steps").map((step, index) => `  ${index + 1} ${step}`);
      const fields = listAt(body, "fields").map((one): Cell[] => [
        { text: textAt(one, "name"), tone: "strong" },
        at(one, "optional") === true ? "optional" : "required",
        at(one, "secret") === true ? "secret" : "not secret",
        textAt(one, "example"),
        textAt(one, "help"),
      ]);
      return [
        terminal.tone("strong", textAt(body, "display_name")),
        ...steps,
        "",
        ...(fields.length > 0 ? [table(terminal, ["field", "", "", "example", "help"], fields), ""] : []),
        ...settingLines(terminal, body),
        ...snippetLines(terminal, body),
        ...textsAt(body, "notes").flatMap((note) => [terminal.tone("warn", note), ""]),
        `Documentation: ${textAt(body, "docs_url")}`,
        `Then: ${setupLine(org, provider, body)}`,
      ].join("\n");
    });
    return exits.ok;
  },
};

/** What goes into the metadata, where the answer tells it. */
function settingLines(terminal: Terminal, body: unknown): string[] {
  const rows = listAt(body, "settings").map((one): Cell[] => [
    { text: textAt(one, "name"), tone: "strong" },
    at(one, "required") === true ? "required" : "optional",
    choicesOf(one),
    textAt(one, "example"),
    textAt(one, "help"),
  ]);
  return rows.length > 0 ? [table(terminal, ["setting", "", "what", "example", "help"], rows), ""] : [];
}

/** More choices than this are told by the first and the last. */
const MOST_CHOICES = 8;

/** What a setting may be: one of a few texts, or a kind of value. */
function choicesOf(setting: unknown): string {
  const options = textsAt(setting, "options");
  if (options.length === 0) return textAt(setting, "kind");
  return options.length > MOST_CHOICES ? `${options[0]} to ${options.at(-1)}` : options.join(", ");
}

/** The line that sets it up, with an example for every setting that must be given. */
function setupLine(org: string, provider: string, body: unknown): string {
  const required = listAt(body, "settings").filter((one) => at(one, "required") === true);
  return [
    `cloudact-integrations setup ${org} ${provider}`,
    ...(provider.startsWith("custom-") ? ["--name 'Its name'"] : []),
    ...required.map((one) => `--metadata ${quoted(`${textAt(one, "name")}=${textAt(one, "example")}`)}`),
  ].join(" ");
}

/** A word as a shell takes it whole. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Policies and command lines, ready to paste. */
function snippetLines(terminal: Terminal, body: unknown): string[] {
  return listAt(body, "snippets").flatMap((one) => {
    const text = at(one, "text");
    const lines = typeof text === "string" ? text.trimEnd().split("\n").map(plain) : [];
    return [terminal.tone("strong", textAt(one, "title")), ...lines, ""];
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
