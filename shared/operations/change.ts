import { randomUUID } from "node:crypto";
import { Fault } from "../contract/fault.ts";
import { etag, type Precondition } from "../contract/precondition.ts";
import type { Head, Version } from "../contract/rows.ts";
import { timestamp } from "../ports/clock.ts";
import type { HeadChange, Opening } from "../ports/credential-store.ts";
import type { Entry } from "../registry/entry.ts";
import { isConfigured, requireConfigured } from "./present.ts";
import type { Requester, Works } from "./works.ts";

const MAX_RACES = 5;
const SETTLE_MS = 10_000;

/** An Idempotency-Key and the body it came with, both as HMAC. */
export interface Idempotency {
  keyHash: string;
  bodyHash: string;
}

export interface ChangeRequest extends Requester {
  org: string;
  entry: Pick<Entry, "code" | "display_name">;
  idempotency: Idempotency | null;
  precondition: Precondition;
  /** Whether it is repeated on a newer version after a lost race; else it ends with `conflict`. */
  repeats: boolean;
}

/** What a change makes of the head it has read. `secret` stands where it brings a new credential. */
export interface Plan {
  op: Head["op"];
  status: number;
  body: Record<string, unknown>;
  set: HeadChange["set"];
  version: Pick<
    Version,
    | "credential_id"
    | "credential_type"
    | "encrypted_credential"
    | "key_version"
    | "fingerprint"
    | "credential_name"
    | "metadata"
  >;
}

/** How a change ended: the answer, the version's tag, and whether it is an earlier answer given again. */
export interface Done {
  status: number;
  body: Record<string, unknown>;
  etag: string;
  replayed: boolean;
}

/**
 * The store's protocol: read the head, append the version, move the head by one compare-and-set; nothing else makes a
 * version current. The plan is made from the head just read, and made again after a lost race. When this returns, the
 * change is durable; when it throws, it either is not there or, only with `store_unavailable`, may yet appear, once.
 *
 * @throws Fault `in_flight`, `idempotency_reuse`, `already_exists`, `precondition_failed`, `conflict`, `store_unavailable`,
 * and whatever `plan` throws
 */
export async function change(
  works: Works,
  request: ChangeRequest,
  plan: (head: Head | null) => Promise<Plan>,
): Promise<Done> {
  return await onceAtATime(works, request.idempotency?.keyHash ?? null, () => race(works, request, plan));
}

/** Does the work unless the same idempotency key is at it in this process. @throws Fault `in_flight` */
export async function onceAtATime<Result>(
  works: Pick<Works, "inFlight">,
  key: string | null,
  work: () => Promise<Result>,
): Promise<Result> {
  if (key === null) return await work();
  if (works.inFlight.has(key)) throw new Fault("in_flight", { retryAfterS: 1 });
  works.inFlight.add(key);
  try {
    return await work();
  } finally {
    works.inFlight.delete(key);
  }
}

async function race(works: Works, request: ChangeRequest, plan: (head: Head | null) => Promise<Plan>): Promise<Done> {
  const pair = { org_slug: request.org, provider: request.entry.code };
  for (let attempt = 0; attempt <= MAX_RACES; attempt += 1) {
    if (attempt > 0) await works.clock.sleep(Math.random() * 25 * 2 ** attempt);
    const now = timestamp(works.clock.now());
    const asked = { idempotencyKeyHash: request.idempotency?.keyHash ?? null, eventId: null, now };
    const opening = await works.store.readOpening(pair, asked);
    const replay = replayOf(opening, request.entry.code, request.idempotency);
    if (replay) return replay;
    const head = opening.head;
    requirePrecondition(head, request, now);
    const planned = await plan(head !== null && head.seq > 0 ? head : null);
    if (head === null) await untilKnown(works, () => works.store.placeHeads([pair], now));
    const version = versionOf(works, request, planned, head);
    try {
      if (await store(works, request, planned, version))
        return { status: planned.status, body: planned.body, etag: etag(version.seq), replayed: false };
    } finally {
      forget(works, request.org, request.entry.code);
    }
    if (!request.repeats && !Array.isArray(request.precondition.ifMatch)) {
      const twin =
        request.idempotency && replayOf(await works.store.readOpening(pair, asked), pair.provider, request.idempotency);
      if (twin) return twin;
      throw new Fault("conflict", {
        provider: request.entry.code,
        remedy: "Read the integration again and repeat the change",
      });
    }
  }
  throw new Fault("conflict", {
    provider: request.entry.code,
    remedy: "Other changes keep coming first; try again later",
    retryAfterS: 2,
  });
}

/** Drops what this process remembers of a pair, so that nobody is answered with what was before. */
export function forget(works: Works, org: string, provider: string): void {
  works.heads.drop({ org_slug: org, provider });
  works.memory.forget(memoryPrefix(org, provider));
}

/** What the names of a pair's opened credentials start with. */
export function memoryPrefix(org: string, provider: string): string {
  return `${org}\u0000${provider}\u0000`;
}

/**
 * The earlier answer for the same key and body. An import uses one key for all its providers: another provider's
 * version of the same request is no answer, one of another body is a reuse.
 *
 * @throws Fault `idempotency_reuse`
 */
export function replayOf(opening: Opening, provider: string, idempotency: Idempotency | null): Done | null {
  if (idempotency === null || opening.replay === null) return null;
  if (opening.replay.idempotency_body_hash !== idempotency.bodyHash)
    throw new Fault("idempotency_reuse", { remedy: "Use a new Idempotency-Key for another body" });
  if (opening.replay.provider !== provider) return null;
  const result = opening.replay.result;
  if (result === null) throw new Fault("integrity", { reason: "result_missing" });
  return { ...result, replayed: true };
}

/** The version row of a plan on the head it was made from. */
export function versionOf(
  works: Works,
  request: Pick<ChangeRequest, "org" | "entry" | "idempotency" | "requestId" | "actor">,
  planned: Plan,
  head: Head | null,
): Version {
  const seq = (head?.seq ?? 0) + 1;
  return {
    event_id: randomUUID(),
    prev_event_id: head !== null && head.seq > 0 ? head.event_id : null,
    org_slug: request.org,
    provider: request.entry.code,
    seq,
    op: planned.op,
    ...planned.version,
    idempotency_key_hash: request.idempotency?.keyHash ?? null,
    idempotency_body_hash: request.idempotency?.bodyHash ?? null,
    result: { status: planned.status, body: planned.body, etag: etag(seq) },
    request_id: request.requestId,
    changed_at: timestamp(works.clock.now()),
    changed_by: request.actor,
  };
}

/** The compare-and-set of a version. A new credential's head points to the version's own ciphertext. */
export function headChange(planned: Plan, version: Version): HeadChange {
  const set =
    version.encrypted_credential === null ? planned.set : { ...planned.set, secret_event_id: version.event_id };
  return {
    org_slug: version.org_slug,
    provider: version.provider,
    expected_seq: version.seq - 1,
    event_id: version.event_id,
    set,
  };
}

/** Appends and compares-and-sets. @returns whether this version is current now or was, false where someone was first */
async function store(works: Works, request: ChangeRequest, planned: Plan, version: Version): Promise<boolean> {
  await untilKnown(works, () => works.store.appendVersions([version]));
  const advance = headChange(planned, version);
  const endsAt = works.clock.monotonic() + SETTLE_MS;
  let uncertain = false;
  for (;;) {
    try {
      if ((await works.store.advanceHead(advance)) > 0) return true;
      if (!uncertain) return false;
    } catch (error) {
      // What the store has turned away for certain is not asked again, unless an earlier try may have taken effect.
      if (!isUncertain(error) && !(uncertain && isStoreFault(error))) throw error;
      uncertain = true;
    }
    const settled = await settle(works, request, version);
    if (settled !== null) return settled;
    if (works.clock.monotonic() >= endsAt)
      throw new Fault("store_unavailable", {
        retryAfterS: 5,
        remedy: "The change may yet appear, once; repeat it with the same Idempotency-Key, or read the integration",
      });
    await works.clock.sleep(100 + Math.random() * 200);
  }
}

/** After an unknown outcome: true won, false lost, `null` still open, so the same statement may be sent again. */
async function settle(works: Works, request: ChangeRequest, version: Version): Promise<boolean | null> {
  try {
    const pair = { org_slug: request.org, provider: request.entry.code };
    const seen = await works.store.readOpening(pair, {
      idempotencyKeyHash: null,
      eventId: version.event_id,
      now: version.changed_at,
    });
    if (seen.effective) return true;
    return (seen.head?.seq ?? 0) >= version.seq ? false : null;
  } catch (error) {
    if (isUncertain(error)) return null;
    throw error;
  }
}

/** Repeats an insert of the same rows until it is acknowledged: readers take one row per event id. */
export async function untilKnown(works: Works, insert: () => Promise<void>): Promise<void> {
  const endsAt = works.clock.monotonic() + SETTLE_MS;
  for (;;) {
    try {
      await insert();
      return;
    } catch (error) {
      if (!isUncertain(error) || works.clock.monotonic() >= endsAt) throw error;
    }
    await works.clock.sleep(100 + Math.random() * 200);
  }
}

function isStoreFault(error: unknown): error is Fault {
  return error instanceof Fault && error.code === "store_unavailable";
}

/** What the store has refused for certain, and will refuse for longer than a request lasts. */
const REFUSALS: readonly string[] = ["quota", "denied", "missing", "streaming_buffer", "closed"];

/** Whether the same statement may be sent again within this request: its outcome is unknown, or others were in the way. */
function isUncertain(error: unknown): boolean {
  return isStoreFault(error) && !REFUSALS.includes(error.details.reason ?? "");
}

/** @throws Fault `already_exists`, `precondition_failed` */
export function requirePrecondition(
  head: Head | null,
  request: Pick<ChangeRequest, "precondition" | "entry">,
  now: string,
): void {
  const { ifMatch, createOnly } = request.precondition;
  const about = { provider: request.entry.code, providerName: request.entry.display_name };
  const configured = isConfigured(head, now);
  if (createOnly && configured)
    throw new Fault("already_exists", { ...about, remedy: "Leave out If-None-Match to replace it, or use PUT" });
  if (ifMatch === null) return;
  if (!configured)
    throw new Fault("precondition_failed", {
      ...about,
      detail: "{provider} is not configured, so If-Match cannot hold",
    });
  if (ifMatch !== "any" && !ifMatch.includes(head.seq))
    throw new Fault("precondition_failed", { ...about, remedy: "Read the integration again and use its current ETag" });
}

/** The head of a plan that needs something configured. @throws Fault `not_configured` */
export function configuredHead(head: Head | null, works: Works, entry: Entry): Head {
  return requireConfigured(head, entry, timestamp(works.clock.now()));
}
