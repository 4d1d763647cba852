import { Fault } from "../../contract/fault.ts";
import { isOrgSlug } from "../../contract/names.ts";
import type { MigrateReport } from "../../operations/migrate.ts";
import type { TakenKey } from "../../operations/migrate-keys.ts";
import type { Migrated } from "../../operations/migrate-line.ts";
import type { Asked, Migration } from "../../operations/migrate-source.ts";
import { audited, type Backend, onBackend, stopOf } from "../backend.ts";
import type { Command } from "../command.ts";
import { progressBar } from "../progress.ts";
import { type Cell, moment, table } from "../show.ts";
import { type Exit, exits, Stop, usage } from "../stop.ts";
import type { Terminal } from "../terminal.ts";
import { untilOf, untilOption } from "./org-key.ts";

const KEYS_A_PAGE = 500;

const tableCheck = (text: string): string | null =>
  /^[a-z][a-z0-9-]{4,28}[a-z0-9]\.[A-Za-z0-9_]{1,1024}\.[A-Za-z0-9_-]{1,1024}$/.test(text)
    ? null
    : "must be a table of BigQuery: project.dataset.table";

const keyCheck = (text: string): string | null =>
  /^projects\/[a-z0-9:.-]+\/locations\/[a-z0-9-]+\/keyRings\/[A-Za-z0-9_-]{1,63}\/cryptoKeys\/[A-Za-z0-9_-]{1,63}$/.test(
    text,
  )
    ? null
    : "must be projects/P/locations/L/keyRings/R/cryptoKeys/K, without a version";

export const runMigrate: Command = {
  name: "migrate",
  group: "operations",
  summary: "Take over the older service's credentials and API keys from its tables",
  arguments: [],
  options: {
    from: { value: "<table>", help: "The renamed org_integration_credentials", opaque: true, check: tableCheck },
    "old-key": { value: "<key>", help: "The key in Cloud KMS that sealed them", opaque: true, check: keyCheck },
    org: {
      value: "<org>",
      help: "Only this organisation's credentials",
      check: (text) => (isOrgSlug(text) ? null : "must be an organisation in lower case"),
    },
    "org-keys": { value: "<table>", help: "org_api_keys, to be hashed into ours", opaque: true, check: tableCheck },
    until: untilOption,
    "dry-run": { help: "Open and check everything, change nothing" },
  },
  example:
    "cloudact-integrations migrate --from acme-prod.organizations.org_integration_credentials_old --old-key projects/acme-prod/locations/us/keyRings/r/cryptoKeys/k --dry-run",
  notes: [
    "Of each organisation and provider the newest active row is taken: opened with the older key, checked, sealed anew.",
    "The older tables are read and never written. What is here already is left alone, so it may be run again. Statuses",
    "stay as they were and everything is due at once: the next sweep proves it. It ends with 1 where a row could not be",
    "taken over, with 4 where a key or a table could not be used; what was done until then is shown all the same.",
    "A key ends when org_api_keys or --until ends it, whichever is earlier. Where a key of its organisation was revoked",
    "here under a pepper that is gone, it is not taken: that organisation needs a new one.",
  ],
  async run(context) {
    const { given, terminal, json } = context;
    const asked = askedOf(given.text("from"), given.text("old-key"), given.text("org-keys"));
    if (given.text("org") !== null && asked.from === null) throw usage("--org is for credentials: name --from too");
    const dryRun = given.flag("dry-run");
    return await onBackend(context, async (backend) => {
      const until = asked.orgKeys === null ? null : untilOf(backend, given.text("until"));
      const migration = await open(backend, asked);
      const done: Shown = { report: null, keys: null, until, dryRun };
      try {
        await takeKeys(backend, terminal, migration, done);
        await takeCredentials(backend, terminal, migration, given.text("org"), done);
      } catch (error) {
        throw tellSoFar(terminal, json, done, error);
      } finally {
        migration.close();
      }
      if (json) terminal.print(JSON.stringify(documentOf(done)));
      else show(terminal, done);
      return exitOf(done.report, done.keys);
    });
  },
};

function askedOf(from: string | null, oldKey: string | null, orgKeys: string | null): Asked {
  if ((from === null) !== (oldKey === null))
    throw usage("--from and --old-key go together: what is taken over must be opened");
  if (from === null && orgKeys === null)
    throw usage("There is nothing to take over", "Name --from with --old-key, or --org-keys, or all of them");
  if (from !== null && /\.org_integration_credentials$/.test(from))
    throw usage(
      "--from must be the renamed table: org_integration_credentials is the name of this service's own view",
      "Rename it first: ALTER TABLE … RENAME TO org_integration_credentials_old",
    );
  return { from, oldKey, orgKeys };
}

async function open({ parts }: Backend, asked: Asked): Promise<Migration> {
  const { openMigration } = await import("../../../functions/parts.ts");
  const migration = await openMigration(parts, asked);
  if (migration !== null) return migration;
  throw new Stop(exits.unavailable, {
    message: "migrate reads BigQuery and opens with Cloud KMS, which one machine does not have",
    code: "backend_local",
    remedy: "Set INTEGRATIONS_BACKEND=gcp and its variables; for API keys alone: org-key import",
  });
}

async function takeCredentials(
  backend: Backend,
  terminal: Terminal,
  { source }: Migration,
  org: string | null,
  done: Shown,
): Promise<void> {
  if (source === null) return;
  const { dryRun } = done;
  const { migrate } = await import("../../operations/migrate.ts");
  const { parts, operator } = backend;
  const progress = progressBar(terminal, dryRun ? "rows checked" : "rows taken care of");
  const works = { ...parts, log: (...line: Parameters<typeof parts.log>) => progress.above(() => parts.log(...line)) };
  const request = { requestId: crypto.randomUUID(), actor: `operator:${operator}`, dryRun, org };
  const act = { operation: dryRun ? "migrate.dry_run" : "migrate.run", orgs: org === null ? [] : [org], target: null };
  const told = (report: MigrateReport) => {
    done.report = report;
  };
  const work = () => migrate(works, request, source, progress.advance, told);
  done.report = await audited(backend, act, work).finally(progress.end);
}

async function takeKeys(backend: Backend, terminal: Terminal, { keys }: Migration, done: Shown): Promise<void> {
  const { until, dryRun } = done;
  if (keys === null || until === null) return;
  const { takeOverKeys } = await import("../../operations/migrate-keys.ts");
  const { parts, operator } = backend;
  const progress = progressBar(terminal, "keys");
  const request = {
    requestId: crypto.randomUUID(),
    actor: `operator:${operator}`,
    dryRun,
    until,
    environment: parts.keyEnvironment,
  };
  const act = { operation: dryRun ? "org_key.import.dry_run" : "org_key.import.run", orgs: [], target: null };
  const taken: TakenKey[] = [];
  await audited(backend, act, async () => {
    let page = await keys.readPage({ limit: KEYS_A_PAGE, after: null });
    const { total } = page;
    done.keys = taken;
    for (;;) {
      const told = (lines: ReadonlyArray<TakenKey | null>) => taken.push(...lines.filter((line) => line !== null));
      taken.push(...(await takeOverKeys(parts, request, page.entries, told)));
      progress.advance(taken.length, Math.max(total, taken.length));
      if (page.next === null) return;
      page = await keys.readPage({ limit: KEYS_A_PAGE, after: page.next });
    }
  }).finally(progress.end);
}

/** What a run has done so far. */
interface Shown {
  report: MigrateReport | null;
  keys: readonly TakenKey[] | null;
  until: string | null;
  dryRun: boolean;
}

function documentOf({ report, keys, until }: Shown): object {
  return { ...report, ...(keys === null ? {} : { keys: { until, items: keys } }) };
}

/**
 * Tells what was settled before a run ended: it stays. Nothing of an act that could not be recorded.
 *
 * @returns what is to be thrown
 */
function tellSoFar(terminal: Terminal, json: boolean, done: Shown, error: unknown): unknown {
  const fault = error instanceof Fault ? error : null;
  if (fault?.code === "audit_unavailable" || (done.report === null && done.keys === null)) return error;
  if (!json) {
    show(terminal, done);
    return error;
  }
  // One document on stdout: how it ended, and what was done until then.
  const { exit, problem } =
    fault === null
      ? new Stop(exits.unavailable, { message: "This should not happen", code: "internal" })
      : stopOf(fault);
  const { message, fields, retryAfterS, ...rest } = problem;
  return new Stop(exit, problem, JSON.stringify({ success: false, ...rest, error: message, ...documentOf(done) }));
}

function show(terminal: Terminal, { report, keys, until, dryRun }: Shown): void {
  const verb = dryRun ? "would be taken over" : "taken over";
  if (keys !== null) {
    const of = (outcome: TakenKey["outcome"]) => keys.filter((key) => key.outcome === outcome).length;
    const failed = keys.filter(({ outcome }) => outcome === "failed");
    const rows = failed.map(({ org_slug, code }): Cell[] => [org_slug ?? "-", { text: code ?? "", tone: "bad" }]);
    if (rows.length > 0) terminal.print(`${table(terminal, ["organisation of a key", "why not"], rows)}\n`);
    const taken = of(dryRun ? "would_import" : "imported");
    terminal.print(
      `API keys: ${taken} ${verb} until ${moment(until)} at the latest, ${of("skipped")} skipped, ${failed.length} failed`,
    );
  }
  if (report === null) return;
  if (!report.complete) terminal.print("It ended before the end of the table. Until then:");
  const told = report.rows.filter((row) => isTold(row));
  if (told.length > 0) {
    const head = ["organisation", "provider", "older credential id", "", "why"];
    terminal.print(`${table(terminal, head, told.map(rowOf))}\n`);
  }
  terminal.print(`Credentials: ${report.taken_over} ${verb}, ${report.skipped} skipped, ${report.failed} failed`);
  if (!dryRun && report.taken_over > 0)
    terminal.note(
      "They are due at once: the next sweep asks their providers. Then disable the older key, and later destroy it.",
    );
}

/** What needs no word: rows that were taken over whole, are here already, or were switched off. */
function isTold({ outcome, code, settings_dropped, settings_refused, times_dropped, renamed }: Migrated): boolean {
  if (outcome === "skipped") return code === "older_duplicate" || code === "deactivated" || code === "deleted_here";
  const left = settings_dropped ?? settings_refused ?? times_dropped;
  return outcome === "failed" || left !== undefined || renamed === true;
}

function rowOf(row: Migrated): Cell[] {
  const tones = { taken_over: "good", would_take_over: "good", skipped: "faint", failed: "bad" } as const;
  return [
    row.org_slug ?? "-",
    row.provider ?? "-",
    row.old_credential_id ?? "-",
    { text: row.outcome.replaceAll("_", " "), tone: tones[row.outcome] },
    wordsOf(row).join("; "),
  ];
}

function wordsOf(row: Migrated): string[] {
  const { code, message, errors, settings_dropped, settings_refused, times_dropped, renamed } = row;
  const list = (found: Migrated["errors"]) => (found ?? []).map(({ field, message: text }) => `${field} ${text}`);
  return [
    ...(code === undefined ? [] : [message ?? skips[code] ?? code]),
    ...list(errors),
    ...(settings_dropped ? [`settings left behind: ${settings_dropped.join(", ")}`] : []),
    ...list(settings_refused),
    ...(times_dropped ? [`times that cannot be read: ${times_dropped.join(", ")}`] : []),
    ...(renamed ? ["its name was replaced by the default one"] : []),
  ];
}

const skips: Readonly<Record<string, string>> = {
  older_duplicate: "a newer active row of this provider decides",
  deactivated: "its deactivation has passed",
  deleted_here: "was deleted here since",
};

/** 4 where a key or a store could not be used, 1 where something else was wrong with a row. */
function exitOf(report: MigrateReport | null, keys: readonly TakenKey[] | null): Exit {
  const codes = (report?.rows ?? []).flatMap(({ outcome, code }) => (outcome === "failed" ? [code] : []));
  if (codes.includes("key_unavailable")) return exits.unavailable;
  return codes.length > 0 || (keys ?? []).some(({ outcome }) => outcome === "failed") ? exits.negative : exits.ok;
}
