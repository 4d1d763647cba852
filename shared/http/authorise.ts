import { hash } from "node:crypto";
import { Fault } from "../contract/fault.ts";
import type { Grant, OrgKey, Scope } from "../contract/rows.ts";
import type { Clock } from "../ports/clock.ts";
import { timestamp } from "../ports/clock.ts";
import type { GrantStore, OrgKeyStore } from "../ports/key-registry.ts";
import type { Pepper, SecretSource } from "../ports/secret-source.ts";
import type { Caller, TokenVerifier } from "../ports/tokens.ts";
import { hashOrgKey, parseOrgKey, sameHash } from "../vault/org-key.ts";
import type { Limiter } from "./limits.ts";
import type { Request } from "./request.ts";

const KNOWN_MS = 30_000;
const UNKNOWN_MS = 10_000;
const MAX_REMEMBERED = 10_000;

/** Who sent a request, once that is proven. */
export type Actor =
  | { type: "api_key"; id: string; scope: Scope }
  | { type: "service_account" | "scheduler"; id: string; email: string | null }
  | { type: "anonymous"; id: null };

/** What authorisation needs. */
export interface Gate {
  clock: Clock;
  orgKeys: OrgKeyStore;
  grants: GrantStore;
  secrets: SecretSource;
  tokens: TokenVerifier;
  limiter: Limiter;
  /** The environment whose organisation keys are taken: live, test or local. */
  keyEnvironment: string;
  /** The `sub` that may start sweeps where this process verifies it; `null` where the platform alone decides. */
  schedulerSubject: string | null;
}

const caches = new WeakMap<Gate, { keys: ShortCache<OrgKey | null>; grants: ShortCache<Grant[]> }>();

/**
 * Recognises an organisation's key. Every failure is the same `org_key_invalid`.
 *
 * @throws Fault `org_key_invalid`, `forbidden` (another organisation), `scope_insufficient`, `too_many_requests`
 */
export async function authoriseOrgKey(request: Request, gate: Gate, presented: readonly string[]): Promise<Actor> {
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
  if (key.org_slug !== request.org) throw new Fault("forbidden");
  if (request.route.caller === "manage" && key.scope !== "manage") throw new Fault("scope_insufficient");
  return { type: "api_key", id: key.key_id, scope: key.scope };
}

/**
 * Recognises a pipeline by its identity token and finds the grants it has for the organisation.
 *
 * @throws Fault `caller_invalid`, `forbidden` (no grant for this organisation)
 */
export async function authorisePipeline(request: Request, gate: Gate): Promise<{ actor: Actor; grants: Grant[] }> {
  const caller = await identify(request, gate);
  const all = await cacheOf(gate).grants.get(caller.subject, gate.clock, () => gate.grants.grantsOf(caller.subject));
  const now = timestamp(gate.clock.now());
  const live = all.filter(
    (grant) =>
      grant.revoked_at === null &&
      grant.expires_at > now &&
      request.org !== null &&
      grant.org_slugs.includes(request.org),
  );
  const actor: Actor = { type: "service_account", id: caller.subject, email: caller.email };
  if (live.length === 0) throw new Fault("forbidden", { detail: "This caller has no grant for this organization" });
  return { actor, grants: live };
}

/** @throws Fault `forbidden` where no grant covers the provider */
export function requireGrant(grants: Grant[], providerCode: string): void {
  if (!grants.some((grant) => grant.providers.includes("*") || grant.providers.includes(providerCode))) {
    throw new Fault("forbidden", {
      detail: "This caller has no grant for this provider",
      remedy: "Ask an operator for a grant",
    });
  }
}

/**
 * Recognises the Scheduler. On the platform its IAM check and internal ingress are the gate.
 *
 * @throws Fault `caller_invalid`, `forbidden`
 */
export async function authoriseScheduler(request: Request, gate: Gate): Promise<Actor> {
  if (gate.schedulerSubject === null) return { type: "scheduler", id: "platform", email: null };
  const caller = await identify(request, gate);
  if (caller.subject !== gate.schedulerSubject)
    throw new Fault("forbidden", { detail: "Only the Scheduler may start a sweep" });
  return { type: "scheduler", id: caller.subject, email: caller.email };
}

async function recognise(gate: Gate, presented: readonly string[]): Promise<OrgKey | null> {
  const text = presented.length === 1 ? presented[0] : undefined;
  const parsed = text === undefined ? null : parseOrgKey(text);
  if (text === undefined || !parsed || parsed.environment !== gate.keyEnvironment) return null;
  const key = await cacheOf(gate).keys.get(parsed.keyId, gate.clock, () => gate.orgKeys.findKey(parsed.keyId));
  const peppers = await gate.secrets.peppers();
  const pepper: Pepper = peppers.find((one) => one.version === key?.pepper_version) ?? peppers[0];
  const matches = sameHash(hashOrgKey(pepper.bytes, text), key?.key_hmac ?? Buffer.alloc(32));
  const now = timestamp(gate.clock.now());
  const live = key !== null && key.revoked_at === null && (key.expires_at === null || key.expires_at > now);
  return matches && live ? key : null;
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

function cacheOf(gate: Gate) {
  let cache = caches.get(gate);
  if (!cache) {
    cache = {
      keys: new ShortCache((key) => (key === null ? UNKNOWN_MS : KNOWN_MS)),
      grants: new ShortCache((grants) => (grants.length === 0 ? UNKNOWN_MS : KNOWN_MS)),
    };
    caches.set(gate, cache);
  }
  return cache;
}

/** Look-ups remembered for seconds, so that a revocation holds everywhere soon. Names are hashed, so a table of guesses stays small. */
class ShortCache<Value> {
  readonly #entries = new Map<string, { value: Value; until: number }>();
  readonly #lifeMs: (value: Value) => number;

  constructor(lifeMs: (value: Value) => number) {
    this.#lifeMs = lifeMs;
  }

  async get(name: string, clock: Clock, find: () => Promise<Value>): Promise<Value> {
    const id = hash("sha256", name, "base64");
    const known = this.#entries.get(id);
    if (known && known.until > clock.monotonic()) return known.value;
    const askedAt = clock.monotonic();
    const value = await find();
    if (this.#entries.size >= MAX_REMEMBERED) this.#entries.clear();
    this.#entries.set(id, { value, until: askedAt + this.#lifeMs(value) });
    return value;
  }
}
