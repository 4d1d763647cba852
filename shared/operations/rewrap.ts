import { Fault, type FaultCode } from "../contract/fault.ts";
import type { Head, Version } from "../contract/rows.ts";
import type { AuditRecord } from "../ports/audit.ts";
import { timestamp } from "../ports/clock.ts";
import type { HeadChange, Pair, SealedHead, SealedPage } from "../ports/credential-store.ts";
import type { Entry } from "../registry/entry.ts";
import { associatedData, type Binding } from "../vault/binding.ts";
import { open } from "../vault/seal.ts";
import { forget, headChange, type Plan, untilKnown, versionOf } from "./change.ts";
import { Lanes } from "./lanes.ts";
import { type RewrapReport, reportOf } from "./rewrap-report.ts";
import type { Progress } from "./sweep.ts";
import { boundMetadata, type Requester, type Works } from "./works.ts";

/** So many are stored together: one INSERT, one UPDATE. */
const PAGE = 100;
const AT_ONCE = 8;
/** What somebody else changed while it was moved is looked at again so often. */
const PASSES = 5;

export interface RewrapRequest extends Requester {
  /** Opens everything and changes nothing. */
  dryRun: boolean;
}

/** A credential that is still sealed with another version, and why. */
export interface Unmoved extends Pair {
  /** `null` where its head could not be read. */
  credential_id: string | null;
  fingerprint: string | null;
  key_version: string | null;
  code: FaultCode | "key_version_unchanged";
  /** Whether it passes by itself: somebody was first, or Cloud KMS did not answer. */
  transient: boolean;
}

/** What fails for one fails for all: the run ends, and what is moved stays moved. */
const ending: ReadonlySet<string> = new Set(["audit_unavailable", "encryption_failed", "store_unavailable"]);

interface Run {
  works: Works;
  request: RewrapRequest;
  /** The number of the newest version that is known: what seals now, or has sealed before. */
  primary: string;
  /** The lowest version that has sealed in this run. */
  sealing: string;
  moved: number;
  unmoved: Map<string, Unmoved>;
  /** Those that somebody else changed between being read and being moved. */
  overtaken: Map<string, Head>;
}

/** A credential that was sealed anew and waits to be stored. */
interface Ready {
  head: Head;
  version: Version;
  change: HeadChange;
}

/**
 * Seals every current credential anew that another key version sealed, and makes each current by the compare-and-set of
 * all changes, so that whatever came first stands. The credential, its status and everything else about it stay. What is
 * moved is no longer elsewhere: a run that was cut off goes on by running again.
 *
 * For some hours after a rotation Cloud KMS may still seal with the version before. So the newest version that anything
 * was sealed with counts as the primary one, and nothing is ever moved to a lower one than it had.
 *
 * @throws Fault `encryption_failed`, `audit_unavailable`, `store_unavailable`; what was moved until then stays moved
 */
export async function rewrap(works: Works, request: RewrapRequest, progress?: Progress): Promise<RewrapReport> {
  const before = await works.store.countByKeyVersion();
  const probe = await primaryVersion(works);
  const primary = before.reduce((newest, { key_version }) => newerOf(newest, key_version), probe);
  const run: Run = { works, request, primary, sealing: probe, moved: 0, unmoved: new Map(), overtaken: new Map() };
  let walked = primary;
  let gone = await walk(run, progress);
  for (let pass = 1; pass < PASSES && !request.dryRun; pass += 1) {
    sealedWith(run, await primaryVersion(works));
    if (run.primary === walked && run.overtaken.size === 0) break;
    walked = run.primary;
    gone += await walk(run, undefined);
  }
  // Whoever is changed all the time is taken by the next run.
  for (const [name, head] of run.overtaken) run.unmoved.set(name, unmoved(head, "conflict", true));
  return reportOf({
    dryRun: request.dryRun,
    primary: run.primary,
    sealing: run.sealing,
    moved: run.moved,
    overtaken: gone,
    unmoved: [...run.unmoved.values()],
    before,
    after: request.dryRun ? before : await works.store.countByKeyVersion(),
  });
}

/** Whether one version is older than another. Versions are numbered; of what is no number it is not known. */
function isOlder(one: string, than: string): boolean {
  return /^\d+$/.test(one) && /^\d+$/.test(than) && Number(one) < Number(than);
}

function newerOf(one: string, other: string | null): string {
  return other !== null && isOlder(one, other) ? other : one;
}

/** Notes that the key has sealed with this version. */
function sealedWith(run: Run, version: string): void {
  if (isOlder(version, run.sealing)) run.sealing = version;
  run.primary = newerOf(run.primary, version);
}

/** The version that seals now: found by sealing nothing of worth, as who may encrypt need not be let read about keys. @throws Fault `encryption_failed` */
export async function primaryVersion({ keys }: Pick<Works, "keys">): Promise<string> {
  return (await keys.encrypt(Buffer.from("which version seals now"), Buffer.from("probe"))).keyVersion;
}

/**
 * Goes once over all that is sealed elsewhere, page by page.
 *
 * @returns how many of those that were overtaken before are elsewhere no more: theirs is what stands
 */
async function walk(run: Run, progress: Progress | undefined): Promise<number> {
  const { works } = run;
  const [failed, overtaken] = [run.unmoved, run.overtaken];
  run.unmoved = new Map();
  run.overtaken = new Map();
  let done = 0;
  let total: number | null = null;
  let after: Pair | null = null;
  do {
    const page: SealedPage = await works.store.readSealedElsewhere({ keyVersion: run.primary, limit: PAGE, after });
    total ??= page.total;
    progress?.(done, total);
    await movePage(run, page.rows, failed);
    for (const pair of page.unread) run.unmoved.set(nameOf(pair), unread(pair));
    for (const pair of [...page.unread, ...page.rows.map(({ head }) => head)]) overtaken.delete(nameOf(pair));
    done += page.rows.length + page.unread.length;
    progress?.(done, Math.max(done, total));
    after = page.next;
  } while (after !== null);
  return overtaken.size;
}

/** @param failed what could not be opened before is not tried again while it is the same, unless that passes by itself */
async function movePage(run: Run, rows: readonly SealedHead[], failed: ReadonlyMap<string, Unmoved>): Promise<void> {
  const lanes = new Lanes();
  const ready: Ready[] = [];
  let failure: unknown = null;
  for (const row of rows) {
    const known = failed.get(nameOf(row.head));
    const again = known?.transient || known?.code === "key_version_unchanged";
    if (known?.credential_id === row.head.credential_id && !again) {
      run.unmoved.set(nameOf(row.head), known);
      continue;
    }
    lanes.add("rewrap", AT_ONCE, async () => {
      if (failure !== null) return;
      try {
        const made = await prepare(run, row);
        if (made !== null) ready.push(made);
      } catch (error) {
        if (!(error instanceof Fault) || ending.has(error.code)) failure ??= error;
        else note(run, row.head, error.code, error.details.retryAfterS !== undefined);
      }
    });
  }
  await lanes.idle();
  if (failure !== null) throw failure;
  if (ready.length > 0) await store(run, ready);
}

/** Opens and seals one, and plans the change. @returns `null` where there is nothing to store */
async function prepare(run: Run, row: SealedHead): Promise<Ready | null> {
  const { works, request } = run;
  const { head } = row;
  if (head.key_version !== null && isOlder(run.primary, head.key_version)) {
    // A newer version than any known seals already: the next pass goes by that.
    run.primary = head.key_version;
    return null;
  }
  const entry = works.registry.byCode(head.provider);
  if (entry === null) throw audited(run, head, new Fault("provider_unknown"));
  const sealed = await sealAnew(run, entry, row);
  if (sealed === null) {
    run.moved += 1;
    return null;
  }
  sealedWith(run, sealed.keyVersion);
  // Cloud KMS has not got to the newest version everywhere: what it sealed with an older one is not stored.
  if (sealed.keyVersion === head.key_version || isOlder(sealed.keyVersion, run.primary)) {
    note(run, head, "key_version_unchanged", false);
    return null;
  }
  const plan = rewrapPlan(head, sealed);
  const { requestId, actor } = request;
  const version = versionOf(works, { org: head.org_slug, entry, idempotency: null, requestId, actor }, plan, head);
  return { head, version, change: headChange(plan, version) };
}

/** Stores all that was sealed anew; each stands for itself. */
async function store(run: Run, ready: readonly Ready[]): Promise<void> {
  const { works } = run;
  await untilKnown(works, () => works.store.appendVersions(ready.map(({ version }) => version)));
  try {
    await untilKnown(works, () => works.store.advanceHeads(ready.map(({ change }) => change)));
  } finally {
    for (const { version } of ready) forget(works, version.org_slug, version.provider);
  }
  const asked = ready.map(({ version: { org_slug, provider, event_id } }) => ({
    ...{ org_slug, provider, eventId: event_id },
    idempotencyKeyHash: null,
  }));
  await untilKnown(works, async () => {
    const seen = await works.store.readOpenings(asked, timestamp(works.clock.now()));
    for (const [at, { head }] of ready.entries()) {
      if (seen[at]?.effective) run.moved += 1;
      else run.overtaken.set(nameOf(head), head);
    }
  });
}

interface SealedAnew {
  ciphertext: Buffer;
  keyVersion: string;
}

/**
 * Opens under the credential's binding and seals under the same. The audit record is written before anything is stored.
 *
 * @returns `null` in a dry run, which seals nothing
 */
async function sealAnew(
  run: Run,
  entry: Entry,
  { head, encrypted_credential }: SealedHead,
): Promise<SealedAnew | null> {
  const { keys, audit } = run.works;
  const binding: Binding = {
    org_slug: head.org_slug,
    provider: head.provider,
    credential_id: head.credential_id,
    credential_type: head.credential_type,
    bound: boundMetadata(entry, head.metadata),
  };
  let plaintext: Buffer;
  try {
    plaintext = await open(keys, binding, encrypted_credential);
  } catch (error) {
    throw audited(run, head, error);
  }
  try {
    const anew = run.request.dryRun
      ? null
      : await keys.encrypt(plaintext, associatedData(binding)).catch((error: unknown) => {
          throw audited(run, head, error);
        });
    audit.write(record(run, head, anew?.keyVersion ?? head.key_version, null));
    return anew;
  } finally {
    plaintext.fill(0);
  }
}

/** The plan that changes where the secret lies, and nothing else. */
function rewrapPlan(head: Head, { ciphertext, keyVersion }: SealedAnew): Plan {
  const { credential_id, credential_type, fingerprint, credential_name, metadata } = head;
  return {
    op: "rewrap",
    status: 200,
    body: { success: true, message: "Sealed anew" },
    set: { op: "rewrap", key_version: keyVersion },
    version: {
      credential_id,
      credential_type,
      encrypted_credential: ciphertext,
      key_version: keyVersion,
      fingerprint,
      credential_name,
      metadata,
    },
  };
}

/** Records that it could not be opened or not be sealed anew, and hands the fault on. */
function audited(run: Run, head: Head, error: unknown): unknown {
  run.works.audit.write(record(run, head, head.key_version, error instanceof Fault ? error.code : "internal"));
  return error;
}

function record(run: Run, head: Head, keyVersion: string | null, reasonCode: string | null): AuditRecord {
  return {
    request_id: run.request.requestId,
    actor_type: "operator",
    actor_id: run.request.actor,
    org_slug: head.org_slug,
    provider: head.provider,
    operation: run.request.dryRun ? "rewrap.dry_run" : "rewrap",
    decision: "allow",
    outcome: reasonCode === null ? "ok" : "error",
    status: 0,
    credential_id: head.credential_id,
    ...(head.fingerprint === null ? {} : { fingerprint: head.fingerprint }),
    ...(keyVersion === null ? {} : { key_version: keyVersion }),
    ...(reasonCode === null ? {} : { reason_code: reasonCode }),
  };
}

function note(run: Run, head: Head, code: Unmoved["code"], transient: boolean): void {
  const { org_slug, provider, credential_id, key_version } = head;
  run.unmoved.set(nameOf(head), unmoved(head, code, transient));
  run.works.log(code === "integrity" ? "CRITICAL" : "ERROR", code === "integrity" ? "integrity" : "rewrap.unmoved", {
    org_slug,
    provider,
    credential_id,
    code,
    ...(key_version === null ? {} : { key_version }),
  });
}

function unmoved(head: Head, code: Unmoved["code"], transient: boolean): Unmoved {
  const { org_slug, provider, credential_id, fingerprint, key_version } = head;
  return { org_slug, provider, credential_id, fingerprint, key_version, code, transient };
}

/** The store has told already which row it could not read. */
function unread({ org_slug, provider }: Pair): Unmoved {
  const code = "integrity";
  return { org_slug, provider, credential_id: null, fingerprint: null, key_version: null, code, transient: false };
}

function nameOf({ org_slug, provider }: Pair): string {
  return `${org_slug} ${provider}`;
}
