import { Fault } from "../contract/fault.ts";
import type { Head } from "../contract/rows.ts";
import type { Status } from "../contract/verdict.ts";
import type { AuditRecord } from "../ports/audit.ts";
import { timestamp } from "../ports/clock.ts";
import type { HeadColumns, Opening } from "../ports/credential-store.ts";
import type { OlderCredential, OlderPage } from "../ports/older-credentials.ts";
import type { Entry } from "../registry/entry.ts";
import { type Plan, versionOf } from "./change.ts";
import { Lanes } from "./lanes.ts";
import { choose, type Item, settle } from "./migrate-choose.ts";
import { fail, leftLines, lineOf, type Migrated, notesOf, refuse, skip } from "./migrate-line.ts";
import { entryFor, readName, readSettings, readStatus, readSubmitted } from "./migrate-read.ts";
import type { Source } from "./migrate-source.ts";
import { nameOf, readEachOpening, storeAll } from "./migrate-store.ts";
import { type Proven, prove, type Sealed, sealProven } from "./prove.ts";
import { configuredAnswer, defaultName, newCredentialColumns, versionPart } from "./setup.ts";
import type { Progress } from "./sweep.ts";
import type { Requester, Works } from "./works.ts";

const ORGANISATIONS = 25;
const AT_ONCE = 8;
/** Associated data of the older service: it used none. */
const NONE = Buffer.alloc(0);

export interface MigrateRequest extends Requester {
  /** Opens and checks everything, and stores nothing. */
  dryRun: boolean;
  /** One organisation only; `null` for all. */
  org: string | null;
}

export interface MigrateReport {
  dry_run: boolean;
  /** Whether the run came to the end of the table; where it did not, the rows are those that it had settled. */
  complete: boolean;
  total: number;
  taken_over: number;
  skipped: number;
  failed: number;
  rows: Migrated[];
}

/** What fails for one fails for all: the run ends, and what is taken over stays. */
const ending: ReadonlySet<string> = new Set(["audit_unavailable", "encryption_failed", "store_unavailable"]);

/**
 * Takes over the older service's credentials: of each organisation and provider the newest active one is opened with the
 * older key, checked as a customer's is (without asking its provider), sealed anew under our binding, and stored where
 * nothing ever was. What is here already, deleted or not, is newer than the older table and left alone, so a run that was
 * cut off goes on by running again. The older table is only read.
 *
 * @param told gets the report of what was settled where the run ends by a fault
 * @throws Fault `store_unavailable`, `encryption_failed`, `audit_unavailable`; what was taken over until then stays
 */
export async function migrate(
  works: Works,
  request: MigrateRequest,
  source: Source,
  progress?: Progress,
  told?: (report: MigrateReport) => void,
): Promise<MigrateReport> {
  const rows: Migrated[] = [];
  let total = 0;
  let after: string | null = null;
  try {
    do {
      const page: OlderPage = await source.older.readPage({ organisations: ORGANISATIONS, after, org: request.org });
      total = Math.max(total, page.total);
      await takeOver(works, request, source, page.rows, rows);
      progress?.(rows.length, Math.max(total, rows.length));
      after = page.next;
    } while (after !== null);
  } catch (error) {
    told?.(reportOf(request, rows, false));
    throw error;
  }
  return reportOf(request, rows, true);
}

function reportOf(request: MigrateRequest, rows: Migrated[], complete: boolean): MigrateReport {
  const count = (outcome: Migrated["outcome"]) => rows.filter((row) => row.outcome === outcome).length;
  return {
    dry_run: request.dryRun,
    complete,
    total: rows.length,
    taken_over: count("taken_over") + count("would_take_over"),
    skipped: count("skipped"),
    failed: count("failed"),
    rows: rows.sort((left, right) => (placeOf(left) < placeOf(right) ? -1 : Number(placeOf(left) > placeOf(right)))),
  };
}

/** Where a line stands in the report: by organisation and provider, those of one pair as they came. */
function placeOf({ org_slug, provider }: Migrated): string {
  return `${org_slug ?? ""} ${provider ?? ""}`;
}

/**
 * Some organisations together: one read of what is here, and one write each for missing heads, versions and heads.
 *
 * @param lines gets a line for each row; where it throws, for those that were settled
 */
async function takeOver(
  works: Works,
  request: MigrateRequest,
  source: Source,
  rows: readonly OlderCredential[],
  lines: Migrated[],
): Promise<void> {
  const now = timestamp(works.clock.now());
  const choice = choose(works.registry, rows, now);
  const items = choice.chosen.map(
    (one): Item => ({
      ...one,
      line: lineOf(one.row, one.org, one.members[0].code, "failed"),
      opened: false,
      entry: null,
      claim: null,
      ready: null,
    }),
  );
  try {
    await takeItems(works, request, source, items, now);
  } finally {
    // What is neither done nor has a reason was on its way.
    lines.push(...items.flatMap(({ line }) => (line.outcome === "failed" && line.code === undefined ? [] : [line])));
    lines.push(...leftLines(choice));
  }
}

async function takeItems(
  works: Works,
  request: MigrateRequest,
  source: Source,
  items: readonly Item[],
  now: string,
): Promise<void> {
  const asked = items.flatMap(({ org, members }) =>
    members.map((entry) => ({ org_slug: org, provider: entry.code, idempotencyKeyHash: null, eventId: null })),
  );
  const openings = await readEachOpening(works, asked, now);
  const here = new Map(asked.map((pair, at) => [nameOf(pair), openings[at] ?? null]));
  const lanes = new Lanes();
  let failure: unknown = null;
  for (const item of items)
    lanes.add("migrate", AT_ONCE, async () => {
      if (failure !== null) return;
      try {
        await attempt(works, request, source, item, here);
      } catch (error) {
        failure ??= error;
      }
    });
  await lanes.idle();
  if (failure !== null) throw failure;
  settle(items);
  // A dry run has made nothing ready.
  await storeAll(
    works,
    items.flatMap(({ ready }) => (ready === null ? [] : [ready])),
    now,
  );
}

/** Prepares one credential, and records it where it was opened, before anything of it is stored. Throws only what ends the run. */
async function attempt(
  works: Works,
  request: MigrateRequest,
  source: Source,
  item: Item,
  here: ReadonlyMap<string, Opening | Fault | null>,
): Promise<void> {
  let fault: Fault | null = null;
  try {
    await prepare(works, request, source, item, here);
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault = error;
    fail(item.line, error);
  }
  if (item.opened) works.audit.write(auditRecord(request, item, fault));
  if (fault !== null && ending.has(fault.code)) throw fault;
}

/** Opens, checks and seals one credential, and plans its head. */
async function prepare(
  works: Works,
  request: MigrateRequest,
  source: Source,
  item: Item,
  here: ReadonlyMap<string, Opening | Fault | null>,
): Promise<void> {
  const { row, org, members, line } = item;
  const openingOf = (entry: Entry) => {
    if (item.due) return null;
    const found = here.get(nameOf({ org_slug: org, provider: entry.code })) ?? null;
    if (found instanceof Fault) throw unreadable();
    return found;
  };
  // Of one entry it is known before anything is opened; of a family only after.
  if (members.length === 1) {
    item.entry = members[0];
    if (isLeft(item, openingOf(item.entry)?.head ?? null)) return;
  }
  item.opened = true;
  const opened = await openOlder(source, row);
  const entry = entryFor(members, opened);
  item.entry = entry;
  line.provider = entry.code;
  const opening = openingOf(entry);
  if (isLeft(item, opening?.head ?? null)) return;
  const settings = readSettings(works.registry, entry, row.metadata);
  const claim = { org, entry, submitted: opened, metadata: settings.kept, skipValidation: true };
  const proven = await prove(works, claim);
  item.claim = claimOf(entry, proven, pastOf(row.last_validated_at, timestamp(works.clock.now())) !== null);
  const name = readName(works.registry, row);
  const status = readStatus(row.validation_status);
  Object.assign(line, notesOf(settings, item.unread, name === null && row.credential_name !== null), { status });
  if (request.dryRun) {
    line.outcome = "would_take_over";
    return;
  }
  const subject = { org, entry, requestId: request.requestId, actor: request.actor };
  const sealed = await sealProven(works, subject, proven, settings.kept);
  const fresh = newCredentialColumns(works, subject, null, proven, sealed, row.expires_at);
  const set = { ...fresh, ...keptColumns(works, row, name ?? defaultName(entry), status) };
  const plan = planOf(entry, set, sealed);
  const version = versionOf(works, { ...subject, idempotency: null }, plan, opening?.head ?? null);
  line.credential_id = sealed.credentialId;
  if (sealed.fingerprint !== null) line.fingerprint = sealed.fingerprint;
  item.ready = {
    line,
    head: opening?.head ?? null,
    version,
    set: { ...set, secret_event_id: version.event_id },
  };
}

function unreadable(): Fault {
  return new Fault("integrity", {
    detail: "What is here of this provider cannot be read",
    remedy: "Look its row up in the log and mend or delete it, then run this again",
  });
}

/** Whether a row is left where it is. What is here, or was, is newer than what the older table says. */
function isLeft({ line, due, unread }: Item, head: Head | null): boolean {
  if (due) skip(line, "deactivated");
  else if (head !== null && head.seq > 0) skip(line, head.op === "delete" ? "deleted_here" : "already_here");
  else if (unread.includes("deactivation_scheduled_at")) refuse(line, "deactivation_unreadable");
  else return false;
  return true;
}

/** What a credential is known by that may belong to one organisation only: the same value of the same entry. */
function claimOf(entry: Entry, { credential }: Proven, proven: boolean): Item["claim"] {
  const field = entry.fields.find(({ unique }) => unique);
  const value = field && credential[field.name]?.reveal();
  return value === undefined ? null : { name: `${entry.code} ${value}`, proven };
}

function pastOf(time: string | null, now: string): string | null {
  return time !== null && time <= now ? time : null;
}

/** Opens a row with the older key. The plaintext buffer is overwritten at once. */
async function openOlder({ oldKey }: Source, row: OlderCredential): Promise<string | Record<string, unknown>> {
  const { encrypted_credential: sealed } = row;
  if (sealed === null || sealed.length === 0)
    throw new Fault("integrity", { detail: "The row has no ciphertext", reason: "ciphertext_missing" });
  let plaintext: Buffer;
  try {
    plaintext = await oldKey.decrypt(sealed, NONE);
  } catch (error) {
    throw error instanceof Fault && error.code === "integrity" ? notOpened() : error;
  }
  try {
    return readSubmitted(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

function notOpened(): Fault {
  return new Fault("integrity", {
    detail: "The older key does not open it",
    remedy: "It was sealed with another key, or is damaged: name its key, or ask the organisation to set it up again",
  });
}

/**
 * What the older table knows better than a new credential would. The status stays as its provider left it, and it is due
 * at once, so that the next sweep proves it anew.
 */
function keptColumns(works: Works, row: OlderCredential, name: string, status: Status): Partial<HeadColumns> {
  const now = timestamp(works.clock.now());
  return {
    op: "setup",
    credential_name: name,
    enabled: true,
    deactivation_scheduled_at: row.deactivation_scheduled_at,
    validation_status: status,
    last_validated_at: pastOf(row.last_validated_at, now),
    next_due_at: now,
    created_at: pastOf(row.created_at, now) ?? now,
  };
}

function planOf(entry: Entry, set: HeadColumns, sealed: Sealed): Plan {
  return {
    op: "setup",
    status: 201,
    body: configuredAnswer(entry, set, [], "Integration migrated successfully"),
    set,
    version: versionPart(sealed, entry.credential_type, set.credential_name),
  };
}

function auditRecord(request: MigrateRequest, { line, org, ready }: Item, fault: Fault | null): AuditRecord {
  const keyVersion = ready?.version.key_version ?? null;
  return {
    request_id: request.requestId,
    actor_type: "operator",
    actor_id: request.actor,
    org_slug: org,
    provider: line.provider,
    operation: request.dryRun ? "migrate.dry_run" : "migrate",
    decision: "allow",
    outcome: fault === null ? "ok" : "error",
    status: 0,
    ...(line.old_credential_id === null ? {} : { target_id: line.old_credential_id }),
    ...(line.credential_id === undefined ? {} : { credential_id: line.credential_id }),
    ...(line.fingerprint === undefined ? {} : { fingerprint: line.fingerprint }),
    ...(keyVersion === null ? {} : { key_version: keyVersion }),
    ...(fault === null ? {} : { reason_code: fault.code }),
  };
}
