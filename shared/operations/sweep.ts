import type { RevalidateBody } from "../contract/bodies.ts";
import { Fault, malformed } from "../contract/fault.ts";
import type { Head } from "../contract/rows.ts";
import { isDefinite } from "../contract/verdict.ts";
import { timestamp } from "../ports/clock.ts";
import type { DueCursor, SealedHead } from "../ports/credential-store.ts";
import type { Entry } from "../registry/entry.ts";
import { type Judgement, judge } from "./judge.ts";
import { Lanes } from "./lanes.ts";
import { announce, record } from "./record.ts";
import { removeDue } from "./remove.ts";
import { earliest } from "./schedule.ts";
import { openStored } from "./validate.ts";
import type { Requester, Works } from "./works.ts";

const PAGE = 500;
const BATCH = 1_000;
/** BigQuery takes a request of 10 MB. */
const BATCH_BYTES = 8_000_000;
/** A row travels as JSON within JSON within JSON, which doubles its quotes twice. */
const ESCAPED = 1.6;
const STALE_MS = 30_000;
const MAX_DEACTIVATIONS = 1_000;
const INCIDENT_AT_LEAST = 5;
const INCIDENT_SHARE = 0.5;

interface Tally {
  checked: number;
  valid: number;
  invalid: number;
  expired: number;
  inconclusive: number;
  incident: boolean;
}

interface Checked {
  head: Head;
  judgement: Judgement;
}

/** One run: what it counts, what waits to be written, and when it must stop. */
interface Run {
  works: Works;
  requester: Requester;
  providers: Map<string, Tally>;
  pending: Checked[];
  written: Array<Checked & { isTaken: boolean }>;
  writing: Promise<void>;
  failure: unknown;
  /** No check begins after this. */
  stopAt: number;
  /** Checks that still run then stay due. */
  giveUpAt: number;
  stopped: boolean;
  /** Rows that waited too long since the last reading from the start. */
  stale: number;
  /** What has become of each credential that was read. */
  rows: Map<string, "waiting" | "begun" | "stale">;
  nextDueAt: string | null;
}

/** How far a sweep is, for people who wait. */
export type Progress = (done: number, total: number) => void;

/**
 * Checks what is due, stalest first; announces expiries and incidents; applies due deactivations; purges. Results are
 * written in batches: one that fails half-way loses nothing, its credentials stay due.
 *
 * @throws Fault `request_malformed` (shard), `store_unavailable`
 */
export async function sweep(works: Works, requester: Requester, body: RevalidateBody, progress?: Progress) {
  const shard = readShard(body.shard);
  const startedAt = works.clock.monotonic();
  const reserveMs = Math.min(20_000, body.max_seconds * 300);
  const stopAt = startedAt + body.max_seconds * 1_000 - reserveMs;
  const run: Run = {
    works,
    requester,
    providers: new Map(),
    pending: [],
    written: [],
    writing: Promise.resolve(),
    failure: null,
    stopAt,
    giveUpAt: stopAt + Math.min(1_000, reserveMs / 2),
    stopped: false,
    stale: 0,
    rows: new Map(),
    nextDueAt: null,
  };
  await deactivate(run, body.org ?? null);
  let dueTotal: number;
  let incidents: string[];
  try {
    dueTotal = await checkDue(run, body, shard, progress);
    await works.store.purgeDeleted();
    await works.store.purgeSuperseded(timestamp(works.clock.now()));
  } finally {
    incidents = announceRun(run);
  }
  const totals = [...run.providers.values()];
  const sum = (name: "checked" | "valid" | "invalid" | "expired" | "inconclusive") =>
    totals.reduce((count, tally) => count + tally[name], 0);
  const remaining = Math.max(0, dueTotal - run.written.length);
  works.log(remaining > 0 && run.stopped ? "WARNING" : "INFO", "sweep.finished", {
    count: sum("checked"),
    total: dueTotal,
    latency_ms: Math.round(works.clock.monotonic() - startedAt),
    ...(body.shard ? { shard: body.shard } : {}),
  });
  return {
    checked: sum("checked"),
    valid: sum("valid"),
    invalid: sum("invalid"),
    expired: sum("expired"),
    inconclusive: sum("inconclusive"),
    remaining,
    next_due_at: run.nextDueAt,
    incidents,
    providers: Object.fromEntries(run.providers),
  };
}

/**
 * Reads what is due page by page, as the lanes need it, and lets them check it. A page is read while little waits or a
 * lane has run dry, so rows are asked about soon after they were read, and a slow provider keeps nothing from the others.
 */
async function checkDue(
  run: Run,
  body: RevalidateBody,
  shard: { index: number; count: number } | null,
  progress: Progress | undefined,
): Promise<number> {
  const { works } = run;
  const now = timestamp(works.clock.now());
  const lanes = new Lanes();
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, Math.max(0, run.giveUpAt - works.clock.monotonic()));
  const reading: { after: DueCursor | null; asked: number; due: number | null } = { after: null, asked: 0, due: null };
  let total: number | null = null;
  let more = true;
  while (run.failure === null && works.clock.monotonic() < run.stopAt && (more || run.stale > 0 || !lanes.isIdle)) {
    const reads = more ? lanes.waiting < PAGE || lanes.hasDry : run.stale > 0 && (lanes.hasDry || lanes.isIdle);
    if (!reads) {
      await Promise.race([lanes.next(), late.promise]);
      continue;
    }
    if (!more) {
      Object.assign(reading, { after: null, asked: 0, due: null });
      run.stale = 0;
      flush(run, 1);
      await run.writing;
    }
    const limit = total === null ? Math.min(PAGE, body.limit) : PAGE;
    const readAt = works.clock.monotonic();
    const page = await works.store.readDue({ now, limit, org: body.org ?? null, shard, after: reading.after });
    if (total === null) {
      total = page.due_total;
      run.nextDueAt = page.next_due_at;
    }
    const most = Math.min(total, body.limit);
    for (const row of page.rows) {
      const state = run.rows.get(row.head.credential_id);
      if (state === "waiting" || state === "begun" || (state === undefined && run.rows.size >= body.limit)) continue;
      queue(run, lanes, row, readAt, () => progress?.(run.written.length + run.pending.length, most));
    }
    reading.due ??= page.due_total;
    reading.asked += limit;
    reading.after = page.next;
    more = page.next !== null && reading.asked < Math.min(reading.due, body.limit);
  }
  await Promise.race([lanes.idle(), late.promise]);
  clearTimeout(timer);
  run.stopped = works.clock.monotonic() >= run.stopAt;
  flush(run, 1);
  await run.writing;
  if (run.failure !== null) throw run.failure;
  return total ?? 0;
}

/**
 * Queues a check. A row that has waited too long for its turn, or that this process has changed since, is left for a
 * new reading: what it holds may have been replaced or deleted, and no such secret is sent to a provider.
 */
function queue(run: Run, lanes: Lanes, due: SealedHead, readAt: number, done: () => void): void {
  const { works } = run;
  const entry = works.registry.byCode(due.head.provider);
  const { org_slug, provider, credential_id } = due.head;
  if (!entry || entry.cost === "billable") {
    works.log("ERROR", entry ? "sweep.billable_refused" : "sweep.provider_unknown", {
      org_slug,
      provider,
      credential_id,
    });
    return;
  }
  const check = async () => {
    if (run.failure !== null || works.clock.monotonic() >= run.stopAt) return;
    if (works.clock.monotonic() - readAt > STALE_MS || works.heads.changedSince(due.head, readAt)) {
      run.rows.set(credential_id, "stale");
      run.stale += 1;
      return;
    }
    run.rows.set(credential_id, "begun");
    const judgement = await judgeDue(works, entry, due);
    if (judgement === null) return;
    count(run, laneOf(works, entry), judgement);
    run.pending.push({ head: due.head, judgement });
    run.nextDueAt = earliest(run.nextDueAt, judgement.row.next_due_at);
    flush(run, BATCH);
    done();
  };
  run.rows.set(credential_id, "waiting");
  const lane = laneOf(works, entry);
  // The place is taken first: what waits for one may be replaced meanwhile.
  lanes.add(lane, entry.concurrency, async () => {
    await works.slots.within(lane, entry.concurrency, Number.POSITIVE_INFINITY, check);
  });
}

/** @returns `null` where the credential cannot be opened: that is ours to mend and says nothing about it */
async function judgeDue(works: Works, entry: Entry, due: SealedHead): Promise<Judgement | null> {
  try {
    const parts = { ask: works.ask, clock: works.clock, federation: works.federation };
    return await judge(works, entry, due.head, await openStored(works, entry, due), parts);
  } catch (error) {
    const code = error instanceof Fault ? error.code : "internal";
    works.log(code === "integrity" ? "CRITICAL" : "ERROR", code === "integrity" ? "integrity" : "sweep.check_failed", {
      org_slug: due.head.org_slug,
      provider: due.head.provider,
      credential_id: due.head.credential_id,
      code,
    });
    return null;
  }
}

/** Where a check queues and is counted: custom subscriptions together, since anyone may make up any number of codes. */
function laneOf(works: Works, entry: Entry): string {
  return entry.custom ? (works.registry.custom?.code ?? entry.code) : entry.code;
}

function count(run: Run, lane: string, { verdict }: Judgement): void {
  const tally = run.providers.get(lane) ?? {
    checked: 0,
    valid: 0,
    invalid: 0,
    expired: 0,
    inconclusive: 0,
    incident: false,
  };
  run.providers.set(lane, tally);
  tally.checked += 1;
  if (verdict.outcome === "valid") tally.valid += 1;
  else if (verdict.outcome === "expired") tally.expired += 1;
  else if (isDefinite(verdict.outcome)) tally.invalid += 1;
  else tally.inconclusive += 1;
}

/** How many of the first may be written together. */
function fitting(pending: readonly Checked[]): number {
  let bytes = 0;
  const tooMany = pending.findIndex(({ judgement }) => {
    bytes += Buffer.byteLength(JSON.stringify(judgement.row)) * ESCAPED;
    return bytes > BATCH_BYTES;
  });
  return Math.min(BATCH, tooMany === -1 ? pending.length : Math.max(1, tooMany));
}

/** Writes what waits once there is enough of it, one batch after another. */
function flush(run: Run, atLeast: number): void {
  while (run.pending.length > 0 && run.pending.length >= atLeast) {
    const batch = run.pending.splice(0, fitting(run.pending));
    run.writing = run.writing
      .then(() => write(run, batch))
      .catch((error: unknown) => {
        run.failure ??= error;
      });
  }
}

async function write(run: Run, batch: Checked[]): Promise<void> {
  if (run.failure !== null) return;
  const { works, requester } = run;
  const newest = [...new Map(batch.map((one) => [one.judgement.row.credential_id, one])).values()];
  const taken = await record(
    works,
    newest.map(({ judgement }) => judgement),
    requester.actor,
  );
  for (const one of newest) {
    const isTaken = taken.has(one.head.credential_id);
    if (isTaken) announce(works, one.head, one.judgement);
    run.written.push({ ...one, isTaken });
  }
}

/** Applies scheduled deactivations whose time has come, each through the compare-and-set; checks have their half of the time. */
async function deactivate(run: Run, org: string | null): Promise<void> {
  const { works, requester } = run;
  const startedAt = works.clock.monotonic();
  const endsAt = startedAt + (run.stopAt - startedAt) / 2;
  const now = timestamp(works.clock.now());
  for (const head of await works.store.readDueDeactivations(now, MAX_DEACTIVATIONS, org)) {
    if (works.clock.monotonic() >= endsAt) return;
    const { org_slug, provider, credential_id } = head;
    const entry = works.registry.byCode(provider) ?? { code: provider, display_name: provider };
    try {
      if (!(await removeDue(works, { ...requester, org: org_slug, entry }))) continue;
      works.audit.write({
        request_id: requester.requestId,
        actor_type: requester.actor === "scheduler" ? "scheduler" : "operator",
        actor_id: requester.actor,
        org_slug,
        provider,
        credential_id,
        operation: "deactivate",
        decision: "allow",
        outcome: "ok",
        status: 0,
      });
      works.log("NOTICE", "integration.deactivated", { org_slug, provider, credential_id });
    } catch (error) {
      // It stays due, and decrypt refuses it; the others shall not wait for it.
      const code = error instanceof Fault ? error.code : "internal";
      works.log("ERROR", "sweep.deactivation_failed", { org_slug, provider, credential_id, code });
    }
  }
}

/** One alert for a provider that gave most of a run no answer, instead of one for each credential. */
function announceRun(run: Run): string[] {
  for (const [provider, tally] of run.providers) {
    tally.incident = tally.inconclusive >= INCIDENT_AT_LEAST && tally.inconclusive >= tally.checked * INCIDENT_SHARE;
    if (tally.incident)
      run.works.log("ERROR", "provider.incident", { provider, count: tally.inconclusive, total: tally.checked });
  }
  for (const { head, judgement, isTaken } of run.written) {
    if (isTaken && judgement.row.failed && !run.providers.get(head.provider)?.incident) {
      run.works.log("WARNING", "integration.check_inconclusive", {
        org_slug: head.org_slug,
        provider: head.provider,
        credential_id: head.credential_id,
        outcome: judgement.verdict.outcome,
        count: head.consecutive_failures + 1,
        ...(judgement.verdict.reason ? { reason: judgement.verdict.reason } : {}),
      });
    }
  }
  return [...run.providers].filter(([, tally]) => tally.incident).map(([provider]) => provider);
}

function readShard(text: string | undefined): { index: number; count: number } | null {
  if (text === undefined) return null;
  const [index = 0, count = 1] = text.split("/").map(Number);
  if (index >= count) throw malformed("/shard", "must be i/n with i from 0 to n - 1");
  return { index, count };
}
