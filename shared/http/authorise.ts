import { hash } from "node:crypto";
import { Fault } from "../contract/fault.ts";
import { isOrgSlug } from "../contract/names.ts";
import type { Grant, OrgKey, Scope } from "../contract/rows.ts";
import { Secret } from "../contract/secret.ts";
import type { Clock } from "../ports/clock.ts";
import { timestamp } from "../ports/clock.ts";
import type { GrantStore, OrgKeyStore } from "../ports/key-registry.ts";
import type { LegacyKeys } from "../ports/legacy-keys.ts";
import type { Log } from "../ports/log.ts";
import type { Pepper, SecretSource } from "../ports/secret-source.ts";
import type { Caller, TokenVerifier } from "../ports/tokens.ts";
import {
  earlierOf,
  isLegacyKey,
  lastEndOf,
  legacyKeyId,
  legacyKeyRow,
  newestPepper,
  standingOf,
} from "../vault/legacy-key.ts";
import { hashOrgKey, parseOrgKey, sameHash } from "../vault/org-key.ts";
import { reaches, reaching } from "../vault/peppers.ts";
import type { Limiter } from "./limits.ts";
import type { Request } from "./request.ts";

const KNOWN_MS = 30_000;
const UNKNOWN_MS = 10_000;
const AGAIN_MS = 100;
const MAX_REMEMBERED = 10_000;

/** Who sent a request, once that is proven. */
export type Actor =
  | { type: "api_key"; id: string; scope: Scope; legacy: boolean }
  | { type: "service_account" | "scheduler"; id: string; email: string | null }
  | { type: "anonymous"; id: null };

/** Told who it is as soon as that is proven, before what they may do is looked at: denials are audited by name. */
export type Recognised = (actor: Actor) => void;

/**
 * Until when keys of the older kind are looked up where they have always been. It ends those that were taken over before
 * too, and lengthens none of them: the earlier of it and their rows decides. Where it is taken away their rows alone do,
 * so a date that was moved nearer stays set until the rows have ended.
 */
export interface LegacyWindow {
  /** RFC 3339, UTC. */
  until: string;
  keys: LegacyKeys;
}

/** What authorisation needs. */
export interface Gate {
  clock: Clock;
  log: Log;
  orgKeys: OrgKeyStore;
  grants: GrantStore;
  secrets: SecretSource;
  tokens: TokenVerifier;
  limiter: Limiter;
  /** The environment whose organisation keys are taken: live, test or local. */
  keyEnvironment: string;
  /** The `sub` that may start sweeps where this process verifies it; `null` where the platform alone decides. */
  schedulerSubject: string | null;
  /** `null` where no older keys are looked up; those that were taken over before live as long as their rows say. */
  legacy: LegacyWindow | null;
}

type Peppers = Awaited<ReturnType<SecretSource["peppers"]>>;

interface Caches {
  keys: ShortCache<OrgKey | null>;
  grants: ShortCache<Grant[]>;
  /** Legacy keys that are being taken over, by key id: of many first requests at once one looks it up. */
  takingOver: Map<string, Promise<OrgKey | null>>;
}
const caches = new WeakMap<Gate, Caches>();

/**
 * Recognises an organisation's key. Every failure is the same `org_key_invalid`.
 *
 * @throws Fault `org_key_invalid`, `forbidden` (another organisation), `scope_insufficient`, `too_many_requests`;
 *   `key_unavailable`, `store_unavailable` where nobody can say now, which counts as no failed key
 */
export async function authoriseOrgKey(
  request: Request,
  gate: Gate,
  presented: readonly string[],
  recognised: Recognised,
): Promise<void> {
  const wait = gate.limiter.peek("failed_key", request.address);
  if (wait !== null)
    throw new Fault("too_many_requests", {
      retryAfterS: wait,
      detail: "Too many requests with API keys that were not recognised",
    });
  const key = await recognise(gate, presented);
  if (!key) {
    gate.limiter.take("failed_key", request.address);
    throw new Fault("org_key_invalid", { remedy: "Send the organisation's key once, in the header X-API-Key" });
  }
  recognised({ type: "api_key", id: key.key_id, scope: key.scope, legacy: key.legacy });
  if (key.org_slug !== request.org) throw new Fault("forbidden");
  if (request.route.caller === "manage" && key.scope !== "manage") throw new Fault("scope_insufficient");
}

/**
 * Recognises a pipeline by its identity token and requires some grant for the organisation.
 *
 * @throws Fault `caller_invalid`, `forbidden` (no grant for this organisation)
 */
export async function authorisePipeline(request: Request, gate: Gate, recognised: Recognised): Promise<void> {
  const caller = await identify(request, gate);
  recognised({ type: "service_account", id: caller.subject, email: caller.email });
  if (!(await isGranted(gate, caller.subject, request.org, null)))
    throw new Fault("forbidden", { detail: "This caller has no grant for this organization" });
}

/** @throws Fault `forbidden` where no live grant of the caller covers organisation and provider */
export async function requireGrant(gate: Gate, subject: string, org: string, providerCode: string): Promise<void> {
  if (await isGranted(gate, subject, org, providerCode)) return;
  throw new Fault("forbidden", {
    detail: "This caller has no grant for this provider",
    remedy: "Ask an operator for a grant",
  });
}

/** Whether a live grant covers it. Grants are remembered; where none of those does, they are read again, once a second at most. */
async function isGranted(gate: Gate, subject: string, org: string | null, provider: string | null): Promise<boolean> {
  const { grants } = cacheOf(gate);
  const find = () => gate.grants.grantsOf(subject);
  const covers = (known: Grant[]) => {
    const now = timestamp(gate.clock.now());
    return known.some(
      (grant) =>
        grant.revoked_at === null &&
        grant.expires_at > now &&
        org !== null &&
        grant.org_slugs.includes(org) &&
        (provider === null || grant.providers.includes("*") || grant.providers.includes(provider)),
    );
  };
  return (
    covers(await grants.get(subject, gate.clock, find)) || covers(await grants.get(subject, gate.clock, find, AGAIN_MS))
  );
}

/**
 * Recognises the Scheduler. On the platform its IAM check and internal ingress are the gate.
 *
 * @throws Fault `caller_invalid`, `forbidden`
 */
export async function authoriseScheduler(request: Request, gate: Gate, recognised: Recognised): Promise<void> {
  if (gate.schedulerSubject === null) {
    recognised({ type: "scheduler", id: "platform", email: null });
    return;
  }
  const caller = await identify(request, gate);
  const isScheduler = caller.subject === gate.schedulerSubject;
  recognised({ type: isScheduler ? "scheduler" : "service_account", id: caller.subject, email: caller.email });
  if (!isScheduler) throw new Fault("forbidden", { detail: "Only the Scheduler may start a sweep" });
}

async function recognise(gate: Gate, presented: readonly string[]): Promise<OrgKey | null> {
  const text = presented.length === 1 ? presented[0] : undefined;
  const parsed = text === undefined ? null : parseOrgKey(text);
  if (text !== undefined && parsed === null && isLegacyKey(text)) return await recogniseLegacy(gate, text);
  if (text === undefined || !parsed || parsed.environment !== gate.keyEnvironment) return null;
  const [key, known] = await Promise.all([
    cacheOf(gate).keys.get(parsed.keyId, gate.clock, () => gate.orgKeys.findKey(parsed.keyId)),
    gate.secrets.peppers(),
  ]);
  const peppers = await peppersOf(gate, key, known);
  const pepper: Pepper = peppers.find((one) => one.version === key?.pepper_version) ?? peppers[0];
  const matches = sameHash(hashOrgKey(pepper.bytes, text), key?.key_hmac ?? Buffer.alloc(32));
  const now = timestamp(gate.clock.now());
  const live = key !== null && key.revoked_at === null && (key.expires_at === null || key.expires_at > now);
  return matches && live ? key : null;
}

/** What was had just now, where the row's pepper may be among it; else what the source has when asked for that. */
async function peppersOf(gate: Gate, row: OrgKey | null, known: Peppers): Promise<Peppers> {
  const wanted = row?.pepper_version;
  return reaches(known, wanted) ? known : reaching(await gate.secrets.peppers(wanted), wanted);
}

/**
 * A key of the older kind: its row is found by an id that follows from its HMAC. It lives until the earlier of what its
 * row and the window say: moving the date nearer ends it then, moving it further away does not lengthen its life.
 */
async function recogniseLegacy(gate: Gate, text: string): Promise<OrgKey | null> {
  const known = await gate.secrets.peppers();
  const ids = known.map(({ bytes }) => legacyKeyId(hashOrgKey(bytes, text)));
  const id = legacyKeyId(hashOrgKey(known[0].bytes, text));
  const { keys, takingOver } = cacheOf(gate);
  const key = await keys.get(id, gate.clock, async () => {
    const running = takingOver.get(id) ?? findLegacy(gate, text, ids);
    takingOver.set(id, running);
    return await running.finally(() => takingOver.delete(id));
  });
  const peppers = await peppersOf(gate, key, known);
  const pepper: Pepper = peppers.find((one) => one.version === key?.pepper_version) ?? peppers[0];
  const matches = sameHash(hashOrgKey(pepper.bytes, text), key?.key_hmac ?? Buffer.alloc(32));
  if (!matches || key === null || key.environment !== gate.keyEnvironment) return null;
  if (key.revoked_at !== null || key.expires_at === null) return null;
  return timestamp(gate.clock.now()) < earlierOf(key.expires_at, gate.legacy?.until ?? null) ? key : null;
}

/**
 * The row of a legacy key, a revoked one first; where there is none yet and the window is open, the older table is asked,
 * once. Ids follow from the pepper, so once the pepper is gone under which a row was made, a key's own row is not found
 * any more. So what the older table vouches for is not taken over where it may have been revoked here, nor while a pepper
 * is missing under which it may stand here, nor beyond the last end of those that may be it.
 *
 * @throws Fault `key_unavailable`, `store_unavailable`
 */
async function findLegacy(gate: Gate, text: string, ids: readonly string[]): Promise<OrgKey | null> {
  const found = (await Promise.all(ids.map((id) => gate.orgKeys.findKey(id)))).filter((row) => row !== null);
  const revoked = found.find((row) => row.revoked_at !== null);
  if (revoked !== undefined) {
    // Only an operator may revoke: the live one would be all that is found once the revoked one's pepper is gone.
    for (const { key_id, org_slug } of found.filter((row) => row.revoked_at === null))
      gate.log("WARNING", "org_key.revoked_in_part", { org_slug, subject: key_id });
    return revoked;
  }
  if (found[0] !== undefined) return found[0];
  const now = timestamp(gate.clock.now());
  if (!gate.legacy || now >= gate.legacy.until) return null;
  const owner = await gate.legacy.keys.organisationOf(new Secret(text));
  if (owner === null || !isOrgSlug(owner.org_slug)) return null;
  const org = owner.org_slug;
  const vouched = earlierOf(gate.legacy.until, owner.expires_at);
  if (now >= vouched) return null;
  const rows = await gate.orgKeys.listKeys(org);
  // Another instance may know a newer pepper already, and have taken it over under that.
  const newest = newestPepper(rows);
  const peppers = reaching(await gate.secrets.peppers(newest), newest);
  const standing = standingOf(text, rows, peppers);
  if (standing !== null && standing !== "unknowable") return standing;
  const until = earlierOf(vouched, lastEndOf(rows, peppers));
  if (standing === "unknowable" || now >= until) {
    const reason = standing === "unknowable" ? "revoked_before" : "ended_before";
    gate.log("WARNING", "org_key.not_taken_over", { org_slug: org, reason });
    return null;
  }
  const [pepper] = peppers;
  const row = legacyKeyRow(text, { org, environment: gate.keyEnvironment, pepper, now, until, by: "legacy" });
  try {
    await gate.orgKeys.addKey(row);
    gate.log("NOTICE", "org_key.taken_over", { org_slug: org, subject: row.key_id });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    // The older table has vouched for it: the customer is let in, and the next look-up writes the row.
    gate.log("WARNING", "org_key.not_taken_over", { org_slug: org, subject: row.key_id, code: error.code });
  }
  return row;
}

async function identify(request: Request, gate: Gate): Promise<Caller> {
  const token = /^Bearer ([\x21-\x7e]+)$/i.exec(request.header("authorization") ?? "")?.[1];
  if (!token)
    throw new Fault("caller_invalid", { reason: "missing", remedy: "Send an identity token as Authorization: Bearer" });
  const verified = await gate.tokens.verify(token);
  if ("caller" in verified) return verified.caller;
  throw new Fault("caller_invalid", {
    reason: verified.refused,
    remedy:
      verified.refused === "signature_removed"
        ? "Cloud Run removes the signature of the token it checks itself: send its token in X-Serverless-Authorization and the one for this function in Authorization"
        : "Send a fresh identity token signed by the expected issuer for this function's audience",
  });
}

function cacheOf(gate: Gate): Caches {
  let cache = caches.get(gate);
  if (!cache) {
    cache = {
      keys: new ShortCache((key) => (key === null ? UNKNOWN_MS : KNOWN_MS)),
      grants: new ShortCache((grants) => (grants.length === 0 ? UNKNOWN_MS : KNOWN_MS)),
      takingOver: new Map(),
    };
    caches.set(gate, cache);
  }
  return cache;
}

/** Look-ups remembered for seconds, so that a revocation holds everywhere soon. Names are hashed, so a table of guesses stays small. */
class ShortCache<Value> {
  readonly #entries = new Map<string, { value: Value; askedAt: number }>();
  readonly #lifeMs: (value: Value) => number;

  constructor(lifeMs: (value: Value) => number) {
    this.#lifeMs = lifeMs;
  }

  /** What is remembered, where it is not older than its life and `atMostMs`; else what `find` says now. */
  async get(
    name: string,
    clock: Clock,
    find: () => Promise<Value>,
    atMostMs = Number.POSITIVE_INFINITY,
  ): Promise<Value> {
    const id = hash("sha256", name, "base64");
    const known = this.#entries.get(id);
    const askedAt = clock.monotonic();
    if (known && askedAt - known.askedAt < Math.min(atMostMs, this.#lifeMs(known.value))) return known.value;
    const value = await find();
    if (this.#entries.size >= MAX_REMEMBERED) this.#entries.clear();
    this.#entries.set(id, { value, askedAt });
    return value;
  }
}
