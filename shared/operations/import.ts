import type { ImportBody } from "../contract/bodies.ts";
import { Fault, malformed } from "../contract/fault.ts";
import type { Head, Version } from "../contract/rows.ts";
import type { AuditRecord } from "../ports/audit.ts";
import { timestamp } from "../ports/clock.ts";
import type { HeadColumns, Opening, Pair } from "../ports/credential-store.ts";
import { checkMetadata } from "../registry/check-metadata.ts";
import type { Entry } from "../registry/entry.ts";
import { chooseByShape } from "../registry/family.ts";
import { forget, headChange, type Idempotency, replayOf, untilKnown, versionOf } from "./change.ts";
import { Lanes } from "./lanes.ts";
import { isConfigured } from "./present.ts";
import { mergeMetadata, prove, requireHarmlessName, requireValid, sealProven } from "./prove.ts";
import { announceStatus } from "./record.ts";
import { setupPlan } from "./setup.ts";
import { noRoom, requireNamed, roomForCustom } from "./subscription.ts";
import { type Requester, type Works, withoutBound } from "./works.ts";

const CHECKING_MS = 60_000;
const IN_FLIGHT = 10;

export interface ImportRequest extends Requester {
  org: string;
  body: ImportBody;
  dryRun: boolean;
  /** The request's key, which all its items share, with the whole body's hash. */
  idempotency: Idempotency | null;
}

interface Result {
  index: number;
  provider: string;
  status: "completed" | "failed" | "not_attempted";
  code?: string;
  error?: string;
  errors?: Array<{ field: string; message: string }>;
  remedy?: string;
  credential_id?: string;
}

/** An item on its way: what it asks, what the store holds, what it becomes. */
interface Item {
  index: number;
  entry: Entry;
  asked: ImportBody["items"][number];
  opening: Opening;
  result: Result;
  version: Version | null;
  set: HeadColumns | null;
}

/**
 * Sets up many providers at once: all are checked first, then all that passed are stored together. Each item ends as
 * `completed`, `failed` or `not_attempted` (its check did not fit into 60 s), and a failed one changed nothing.
 *
 * @throws Fault `request_malformed` (a provider twice), `idempotency_reuse`, `store_unavailable`
 */
export async function importMany(works: Works, request: ImportRequest) {
  const { items, unknown } = await open(works, request);
  await check(works, request, items);
  await holdToRoom(works, request, items);
  if (!request.dryRun) await store(works, request, items);
  const results = [...items.map(({ result }) => result), ...unknown].sort((left, right) => left.index - right.index);
  return {
    success: results.every(({ status }) => status === "completed"),
    ...(request.dryRun ? { dry_run: true } : {}),
    results,
  };
}

async function open(works: Works, request: ImportRequest): Promise<{ items: Item[]; unknown: Result[] }> {
  const found = request.body.items.map((asked, index) => ({ asked, index, entry: entryOf(works, asked) }));
  const known = found.flatMap(({ asked, index, entry }) => (entry instanceof Fault ? [] : [{ asked, index, entry }]));
  const unknown = found.flatMap(({ index, entry }) =>
    entry instanceof Fault ? [failed(index, "UNKNOWN", entry)] : [],
  );
  const seen = new Set<string>();
  for (const { entry, index } of known) {
    if (seen.has(entry.code)) throw malformed(`/items/${index}/provider`, "stands twice in this import");
    seen.add(entry.code);
  }
  const idempotencyKeyHash = request.idempotency?.keyHash ?? null;
  const asked = known.map(({ entry }) => ({
    org_slug: request.org,
    provider: entry.code,
    idempotencyKeyHash,
    eventId: null,
  }));
  const openings = known.length === 0 ? [] : await works.store.readOpenings(asked, timestamp(works.clock.now()));
  const items = known.map((one, position): Item => {
    const opening = openings[position] ?? { head: null, replay: null, effective: false };
    replayOf(opening, one.entry.code, request.idempotency);
    return {
      ...one,
      opening,
      result: {
        index: one.index,
        provider: one.entry.code,
        status: "not_attempted",
        error: `Checking it did not fit into this import's ${CHECKING_MS / 1_000} s; nothing of it was stored`,
        remedy: "Send this item again",
      },
      version: null,
      set: null,
    };
  });
  return { items, unknown };
}

/** The entry that an item means, or why there is none. */
function entryOf(works: Works, asked: ImportBody["items"][number]): Entry | Fault {
  const family = works.registry.familyOf(asked.provider);
  if (family.length === 0) return works.registry.byPath(asked.provider) ?? new Fault("provider_unknown");
  try {
    return chooseByShape(family, asked);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
}

async function check(works: Works, request: ImportRequest, items: Item[]): Promise<void> {
  const endsAt = works.clock.monotonic() + CHECKING_MS;
  const lanes = new Lanes();
  let open = true;
  for (const item of items) {
    lanes.add("import", IN_FLIGHT, async () => {
      if (!open || works.clock.monotonic() >= endsAt) return;
      try {
        const prepared = await prepare(works, request, item);
        if (open) Object.assign(item, prepared);
      } catch (error) {
        if (open) item.result = failed(item.index, item.entry.code, error);
      }
    });
  }
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(late.resolve, CHECKING_MS);
  await Promise.race([lanes.idle(), late.promise]);
  clearTimeout(timer);
  open = false;
}

async function prepare(works: Works, request: ImportRequest, item: Item): Promise<Partial<Item>> {
  const { entry, asked, opening, index } = item;
  const replay = replayOf(opening, entry.code, request.idempotency);
  if (replay)
    return {
      result: { index, provider: entry.code, status: "completed", credential_id: String(replay.body["credential_id"]) },
    };
  requireHarmlessName(works.registry, asked.credential_name);
  if (asked.metadata) checkMetadata(works.registry, entry, asked.metadata);
  const kept: Head | null = isConfigured(opening.head, timestamp(works.clock.now())) ? opening.head : null;
  requireNamed(entry, asked.credential_name, kept);
  const metadata = mergeMetadata(kept?.metadata ?? {}, asked.metadata ?? {});
  const claim = { org: request.org, entry, submitted: asked.credential, metadata: withoutBound(metadata, entry) };
  const proven = await prove(works, { ...claim, skipValidation: false });
  requireValid(entry, proven);
  if (request.dryRun) return { result: { index, provider: entry.code, status: "completed" } };
  const subject = { org: request.org, entry, requestId: request.requestId, actor: request.actor };
  const sealed = await sealProven(works, subject, proven, metadata);
  const plan = setupPlan(works, subject, { credential_name: asked.credential_name }, kept, proven, sealed);
  const version = versionOf(works, { ...subject, idempotency: request.idempotency }, plan, opening.head);
  return {
    version,
    set: { ...plan.set, secret_event_id: sealed.ciphertext === null ? null : version.event_id },
    result: { index, provider: entry.code, status: "completed", credential_id: sealed.credentialId },
  };
}

/** Of the new custom subscriptions that passed, only as many go on as the organisation has room for. */
async function holdToRoom(works: Works, { org }: ImportRequest, items: Item[]): Promise<void> {
  const now = timestamp(works.clock.now());
  const added = items.filter(
    ({ entry, opening, result }) => entry.custom && result.status === "completed" && !isConfigured(opening.head, now),
  );
  if (added.length === 0) return;
  const room = await roomForCustom(works, org);
  for (const item of added.slice(room))
    Object.assign(item, { version: null, set: null, result: failed(item.index, item.entry.code, noRoom(item.entry)) });
}

/** @throws Fault `store_unavailable`, which says how to find out what took effect */
async function store(works: Works, request: ImportRequest, items: Item[]): Promise<void> {
  try {
    await storeReady(works, request, items);
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== "store_unavailable") throw error;
    throw new Fault("store_unavailable", {
      retryAfterS: 5,
      remedy: "Some items may yet appear, once; send the import again with the same Idempotency-Key, or read the list",
      cause: error,
    });
  }
}

async function storeReady(works: Works, request: ImportRequest, items: Item[]): Promise<void> {
  const ready = items.flatMap((item) =>
    item.version && item.set ? [{ item, version: item.version, set: item.set }] : [],
  );
  if (ready.length === 0) return;
  const now = timestamp(works.clock.now());
  const pairOf = ({ item }: { item: Item }): Pair => ({ org_slug: request.org, provider: item.entry.code });
  const missing = ready.filter(({ item }) => item.opening.head === null).map(pairOf);
  if (missing.length > 0) await untilKnown(works, () => works.store.placeHeads(missing, now));
  await untilKnown(works, () => works.store.appendVersions(ready.map(({ version }) => version)));
  try {
    await untilKnown(works, () =>
      works.store.advanceHeads(
        ready.map(({ version, set }) => ({
          ...headChange({ op: version.op, status: 0, body: {}, set, version }, version),
          set,
        })),
      ),
    );
  } finally {
    for (const { item } of ready) forget(works, request.org, item.entry.code);
  }
  const after = await works.store.readOpenings(
    ready.map((one) => ({ ...pairOf(one), idempotencyKeyHash: null, eventId: one.version.event_id })),
    now,
  );
  ready.forEach(({ item, version }, position) => {
    if (after[position]?.effective) {
      works.audit.write(auditRecord(request, version));
      if (isConfigured(item.opening.head, now))
        announceStatus(works, item.opening.head, item.set?.validation_status ?? "VALID");
    } else {
      const lost = new Fault("conflict", {
        provider: item.entry.code,
        remedy: "Another change came first; repeat this item",
      });
      item.result = failed(item.index, item.entry.code, lost);
    }
  });
}

/** One record for each credential that an import stored, beside the one of the request. */
function auditRecord(request: ImportRequest, version: Version): AuditRecord {
  return {
    request_id: request.requestId,
    actor_type: "api_key",
    actor_id: request.actor,
    org_slug: request.org,
    provider: version.provider,
    credential_id: version.credential_id,
    ...(version.fingerprint ? { fingerprint: version.fingerprint } : {}),
    ...(version.key_version ? { key_version: version.key_version } : {}),
    operation: "setup",
    decision: "allow",
    outcome: "ok",
    status: version.result?.status ?? 201,
  };
}

function failed(index: number, provider: string, error: unknown): Result {
  const fault = error instanceof Fault ? error : new Fault("internal");
  const { errors, remedy } = fault.details;
  return {
    index,
    provider,
    status: "failed",
    code: fault.code,
    error: fault.message,
    ...(errors ? { errors: errors.map(({ field, message }) => ({ field: `/items/${index}${field}`, message })) } : {}),
    ...(remedy ? { remedy } : {}),
  };
}
