import { Fault } from "../../contract/fault.ts";
import { isOrgSlug } from "../../contract/names.ts";
import type { OrgKey, Scope } from "../../contract/rows.ts";
import { Secret } from "../../contract/secret.ts";
import type { FoundKey, TakenKey } from "../../operations/migrate-keys.ts";
import { timestamp } from "../../ports/clock.ts";
import { isLegacyKey } from "../../vault/legacy-key.ts";
import { hashOrgKey, mintOrgKey } from "../../vault/org-key.ts";
import { orgArgument } from "../arguments.ts";
import { audited, type Backend, onBackend } from "../backend.ts";
import type { Command } from "../command.ts";
import { type KeyLine, type ListedKey, parseKeyList, readKeyList } from "../key-lines.ts";
import { readMoment } from "../moments.ts";
import { type Cell, moment, table } from "../show.ts";
import { exits, Stop, usage } from "../stop.ts";
import type { Terminal } from "../terminal.ts";

/** A label, as the contract takes it. */
const label = (text: string): string | null =>
  text.length <= 100 && !/[\p{Cc}\p{Cf}\u2028\u2029]/u.test(text)
    ? null
    : "must be 1-100 characters without control characters";

export const createOrgKey: Command = {
  name: "org-key create",
  group: "access",
  summary: "Make an organisation's API key; it alone goes to stdout, once",
  arguments: [orgArgument],
  options: {
    scope: { value: "manage|read", help: "What it may do", required: true, choices: ["manage", "read"] },
    name: { value: "<text>", help: "A label, for the list", check: label },
    expires: { value: "<90d|date>", help: "When it ends; never, where left out" },
  },
  example: "KEY=$(cloudact-integrations org-key create acme --scope manage)",
  async run(context) {
    const { given, terminal, json } = context;
    const org = given.argument("org");
    const scope: Scope = given.text("scope") === "manage" ? "manage" : "read";
    const expires = given.text("expires");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const now = parts.clock.now();
      const expiresAt = expires === null ? null : readMoment("expires", expires, now);
      const { key, keyId } = mintOrgKey(parts.keyEnvironment);
      const [pepper] = await parts.secrets.peppers();
      const row: OrgKey = {
        key_id: keyId,
        org_slug: org,
        environment: parts.keyEnvironment,
        scope,
        name: given.text("name"),
        key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
        pepper_version: pepper.version,
        legacy: false,
        created_at: timestamp(now),
        created_by: `operator:${operator}`,
        expires_at: expiresAt,
        revoked_at: null,
        revoked_by: null,
      };
      await audited(backend, { operation: "org_key.create", orgs: [org], target: keyId }, () =>
        parts.orgKeys.addKey(row),
      );
      if (json) terminal.print(JSON.stringify({ ...shown(row, now), key: key.reveal() }));
      else terminal.print(key.reveal());
      terminal.note(
        `Key ${keyId} of ${org}, scope ${scope}, ${expiresAt ? `until ${moment(expiresAt)}` : "without an end"}. It is not shown again.`,
      );
      return exits.ok;
    });
  },
};

export const listOrgKeys: Command = {
  name: "org-key list",
  group: "access",
  summary: "An organisation's API keys, never the keys themselves",
  arguments: [orgArgument],
  options: {},
  example: "cloudact-integrations org-key list acme",
  async run(context) {
    const { given, terminal, json } = context;
    return await onBackend(context, async ({ parts }) => {
      const now = parts.clock.now();
      const keys = (await parts.orgKeys.listKeys(given.argument("org"))).map((key) => shown(key, now));
      if (json) terminal.print(JSON.stringify({ items: keys }));
      else if (keys.length === 0) terminal.note(`${given.argument("org")} has no API key`);
      else
        terminal.print(
          table(
            terminal,
            ["key id", "scope", "state", "name", "created", "by", "expires"],
            keys.map((key): Cell[] => [
              key.key_id,
              key.scope,
              stateCell(key.state),
              key.name ?? "-",
              moment(key.created_at),
              key.created_by,
              moment(key.expires_at),
            ]),
          ),
        );
      return exits.ok;
    });
  },
};

export const revokeOrgKey: Command = {
  name: "org-key revoke",
  group: "access",
  summary: "End an API key; within a minute it is refused everywhere",
  arguments: [
    {
      name: "key_id",
      help: "The 12 characters that org-key list shows",
      check: (text) => (/^[0-9A-Za-z]{12}$/.test(text) ? null : "must be the 12 letters and digits of a key id"),
    },
  ],
  options: {},
  example: "cloudact-integrations org-key revoke 0Ab1Cd2Ef3Gh",
  async run(context) {
    const { given, terminal, json } = context;
    const keyId = given.argument("key_id");
    return await onBackend(context, async (backend) => {
      const { parts, operator } = backend;
      const found = await parts.orgKeys.findKey(keyId);
      const orgs = found === null ? [] : [found.org_slug];
      const others = found?.legacy
        ? twinsOf(found, await parts.orgKeys.listKeys(found.org_slug), parts.clock.now())
        : [];
      const revokedAt = await audited(backend, { operation: "org_key.revoke", orgs, target: keyId }, async () => {
        if (found === null) throw new Stop(exits.refused, { message: "There is no such key", code: "org_key_unknown" });
        const at = timestamp(parts.clock.now());
        const revoked = await parts.orgKeys.revokeKey(keyId, at, `operator:${operator}`);
        return revoked ? at : ((await parts.orgKeys.findKey(keyId))?.revoked_at ?? at);
      });
      if (json) terminal.print(JSON.stringify({ key_id: keyId, org_slug: orgs[0], revoked_at: revokedAt }));
      else terminal.print(`Key ${keyId} of ${orgs[0]} is revoked since ${moment(revokedAt)}`);
      if (found?.legacy)
        terminal.note(
          "It is one of the older kind: delete it from org_api_keys as well, where whoever may read sees it.",
        );
      if (others.length > 0)
        terminal.note(
          `Hashed with another pepper, one of these may be the same key and goes on working: ${others.join(", ")}. Revoke it too, or all of them.`,
        );
      return exits.ok;
    });
  },
};

/** Ids of an organisation's live legacy keys that may be this one: which, cannot be told under another pepper. */
function twinsOf(key: OrgKey, rows: readonly OrgKey[], nowMs: number): string[] {
  return rows
    .filter((row) => row.legacy && row.pepper_version !== key.pepper_version && stateOf(row, nowMs) === "live")
    .map(({ key_id }) => key_id);
}

/** When keys of the older kind end at the latest, as an option of what takes them over. */
export const untilOption = {
  value: "<90d|date>",
  help: "When they end at the latest; LEGACY_KEYS_UNTIL where that is set",
} as const;

export const importOrgKeys: Command = {
  name: "org-key import",
  group: "access",
  summary: "Take over API keys of the older kind: hashed, flagged as legacy, with an end",
  arguments: [
    {
      name: "file",
      help: "CSV or JSON of api_key, org_slug and what ends them; - is stdin",
      opaque: true,
      check: (text) =>
        isLegacyKey(text)
          ? "must be a file, never a key: write ./ before its name, and replace a key that was typed here"
          : null,
    },
  ],
  options: {
    until: untilOption,
    "dry-run": { help: "Check everything and change nothing" },
  },
  example:
    "bq query --nouse_legacy_sql --max_rows=1000000 --format=json 'SELECT * FROM organizations.org_api_keys' | cloudact-integrations org-key import - --until 90d",
  notes: [
    "CSV with a head or without (api_key,org_slug), a JSON object a line, or one JSON array. What is_active, revoked_at or",
    "expires_at ends there is skipped, and a key lives no longer than its expires_at: leave none of these columns out. What",
    "is here already is skipped, so it may be run again. It ends with 1 where a line failed, with 4 where it could not go",
    "on; what was taken until then is told and stays. Lines are named by number, never by key.",
    "A key lives until the earlier of the end it is taken over with and LEGACY_KEYS_UNTIL: a nearer date ends it then, a",
    "later one lengthens no key that is here already. Leave a nearer date set until the keys' own ends have passed.",
  ],
  async run(context) {
    const { given, terminal } = context;
    const lines = parseKeyList(await readKeyList(given.argument("file"), terminal));
    if (lines.length === 0) throw usage("The list of keys is empty");
    return await onBackend(context, async (backend) => {
      const until = untilOf(backend, given.text("until"));
      const { takeOverKeys } = await import("../../operations/migrate-keys.ts");
      const { parts, operator } = backend;
      const listed = lines.map((line) => ({ ...line, ended: endedOf(line.found, timestamp(parts.clock.now())) }));
      const found = foundKeys(listed);
      const dryRun = given.flag("dry-run");
      const request = {
        requestId: crypto.randomUUID(),
        actor: `operator:${operator}`,
        dryRun,
        until,
        environment: parts.keyEnvironment,
      };
      const act = { operation: dryRun ? "org_key.import.dry_run" : "org_key.import.run", orgs: [], target: null };
      const reportOf = (taken: ReadonlyArray<TakenKey | null>) => {
        const byKey = new Map(found.map(({ key }, at) => [key.reveal(), taken[at] ?? null]));
        return importReport(linesOf(listed, byKey), { until, dryRun, total: lines.length });
      };
      let soFar: ImportReport | null = null;
      const told = (taken: ReadonlyArray<TakenKey | null>) => {
        soFar = reportOf(taken);
      };
      try {
        const report = reportOf(await audited(backend, act, () => takeOverKeys(parts, request, found, told)));
        if (context.json) terminal.print(JSON.stringify(report));
        else show(terminal, report);
        return report.failed > 0 ? exits.negative : exits.ok;
      } catch (error) {
        throw soFar === null ? error : tellSoFar(terminal, context.json, soFar, error);
      }
    });
  },
};

type Why = NonNullable<TakenKey["code"]> | NonNullable<ListedKey["ended"]> | "malformed" | "same_key_above";

/** A line of the list, and what became of it. */
type TakenLine = Omit<TakenKey, "code"> & { line: number; code?: Why };

/** A line of the list, and what its older table says against it. */
type Listed = KeyLine & { ended: ListedKey["ended"] | "expired" };

function endedOf(found: ListedKey | null, now: string): Listed["ended"] {
  if (found === null || found.ended !== null) return found?.ended ?? null;
  return found.expires_at !== null && found.expires_at <= now ? "expired" : null;
}

/** Each live key once. Of several lines of one key the last to end decides, as each of them vouches for it. */
function foundKeys(lines: readonly Listed[]): FoundKey[] {
  const live = new Map<string, ListedKey[]>();
  for (const { found, ended } of lines)
    if (found !== null && ended === null) live.set(found.key, [...(live.get(found.key) ?? []), found]);
  return [...live].map(([key, all]) => {
    const ends = all.map(({ expires_at }) => expires_at);
    return {
      key: new Secret(key),
      org_slugs: all.map(({ org }) => org),
      expires_at: ends.includes(null) ? null : (ends.sort().at(-1) ?? null),
    };
  });
}

/** What became of each line; those that were not reached are left out. */
function linesOf(lines: readonly Listed[], byKey: ReadonlyMap<string, TakenKey | null>): TakenLine[] {
  const seen = new Set<string>();
  return lines.flatMap(({ line, found, ended }): TakenLine[] => {
    if (found === null) return [{ line, org_slug: null, key_id: null, outcome: "failed", code: "malformed" }];
    if (ended !== null) {
      const outcome = ended === "end_unreadable" ? "failed" : "skipped";
      const org = isOrgSlug(found.org) && !isLegacyKey(found.org) ? found.org : null;
      return [{ line, org_slug: org, key_id: null, outcome, code: ended }];
    }
    const taken = byKey.get(found.key) ?? null;
    if (taken === null) return [];
    if (seen.has(found.key) && taken.outcome !== "failed")
      return [{ ...taken, line, outcome: "skipped", code: "same_key_above" }];
    seen.add(found.key);
    return [{ ...taken, line }];
  });
}

/**
 * Until when keys of the older kind live: as the environment says, else as the operator does.
 *
 * @throws Stop usage, where neither or both do, or where that has passed
 */
export function untilOf(
  { parts }: { parts: Pick<Backend["parts"], "legacy" | "clock"> },
  given: string | null,
): string {
  const set = parts.legacy?.until ?? null;
  if (set !== null && given !== null)
    throw usage(
      "LEGACY_KEYS_UNTIL decides when keys of the older kind end",
      "Leave out --until, or change the variable",
    );
  if (set !== null && set <= timestamp(parts.clock.now()))
    throw usage(
      "LEGACY_KEYS_UNTIL lies in the past: a key would be taken over that has ended",
      "Set a later date, or take the variable away and write --until",
    );
  if (set !== null) return set;
  if (given === null)
    throw usage("--until is missing: keys of the older kind need an end", "Write --until 90d, or a date");
  return readMoment("until", given, parts.clock.now());
}

const why: Readonly<Record<Why, string>> = {
  already_here: "is here already",
  ended_here: "is here already and has ended: make a new one with org-key create",
  revoked_here: "was revoked here",
  ended_before: "may be one that has ended under a pepper that is gone: make a new one with org-key create",
  revoked_before: "may be one that was revoked under a pepper that is gone: make a new one with org-key create",
  expired: "has ended in the older table",
  inactive: "is not active in the older table",
  revoked: "was revoked in the older table",
  end_unreadable: "expires_at must be a time like 2027-01-31T23:59:59Z, or empty",
  same_key_above: "is the same key as on a line above",
  malformed: "must be api_key,org_slug, or a JSON object with both",
  key_shape: "api_key has not the form {org}_api_… of the older keys",
  org_invalid: "org_slug must be an organisation in lower case",
  several_organisations: "the same key stands for several organisations",
  other_organisation: "is here already, for another organisation",
};

interface ImportReport {
  dry_run: boolean;
  until: string;
  imported: number;
  skipped: number;
  failed: number;
  /** Lines that a run which ended early says nothing of. */
  not_reached: number;
  items: TakenLine[];
}

function importReport(items: TakenLine[], run: { until: string; dryRun: boolean; total: number }): ImportReport {
  const count = (...outcomes: string[]) => items.filter(({ outcome }) => outcomes.includes(outcome)).length;
  const [imported, skipped, failed] = [count("imported", "would_import"), count("skipped"), count("failed")];
  const { until, dryRun, total } = run;
  return { dry_run: dryRun, until, imported, skipped, failed, not_reached: total - items.length, items };
}

function show(terminal: Terminal, report: ImportReport): void {
  const told = report.items.filter(({ code }) => code !== undefined && code !== "already_here");
  const rows = told.map(({ line, org_slug, outcome, code }): Cell[] => [
    String(line),
    org_slug ?? "-",
    { text: outcome, tone: outcome === "failed" ? "bad" : "faint" },
    code === undefined ? "" : why[code],
  ]);
  if (rows.length > 0) terminal.print(`${table(terminal, ["line", "organisation", "", "why"], rows)}\n`);
  const { imported, skipped, failed, not_reached: left } = report;
  terminal.print(
    `${imported} ${report.dry_run ? "would be taken over" : "taken over"} until ${moment(report.until)} at the latest, ${skipped} skipped, ${failed} failed${left > 0 ? `, ${left} not reached` : ""}`,
  );
}

/** Tells what was settled before a run ended: it stays. Nothing of an act that could not be recorded. @returns what is to be thrown */
function tellSoFar(terminal: Terminal, json: boolean, report: ImportReport, error: unknown): unknown {
  if (!(error instanceof Fault) || error.code === "audit_unavailable") return error;
  if (!json) {
    show(terminal, report);
    return error;
  }
  const { code, message, details } = error;
  const problem = {
    code,
    ...(details.reason ? { reason: details.reason } : {}),
    ...(details.remedy ? { remedy: details.remedy } : {}),
  };
  const answer = JSON.stringify({ success: false, ...problem, error: message, ...report });
  return new Stop(exits.unavailable, { message, ...problem }, answer);
}

/** Live, revoked or expired. */
export function stateOf(row: { revoked_at: string | null; expires_at: string | null }, nowMs: number): string {
  if (row.revoked_at !== null) return "revoked";
  return row.expires_at !== null && row.expires_at <= timestamp(nowMs) ? "expired" : "live";
}

/** A state in its colour. */
export function stateCell(state: string): Cell {
  return { text: state, tone: state === "live" ? "good" : "faint" };
}

function shown({ key_hmac: _, ...row }: OrgKey, nowMs: number) {
  return { ...row, state: stateOf(row, nowMs) };
}
