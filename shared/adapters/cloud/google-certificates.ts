import type { JWK, JWTVerifyGetKey } from "jose";
import { Fault } from "../../contract/fault.ts";
import type { Clock } from "../../ports/clock.ts";
import { isRecord, parseObject } from "../stored/json.ts";
import { boundedFetch, networkWord } from "./bounded-fetch.ts";

/** Where Google publishes the keys that sign its identity tokens, as JWK. */
export const GOOGLE_CERTIFICATES = "https://www.googleapis.com/oauth2/v3/certs";

const DEADLINE_MS = 3_000;
const MAX_BYTES = 64 * 1024;
/** A `kid` that nobody knows sends us to look for new keys this often at most. */
const COOLDOWN_MS = 30_000;
/** How long keys are kept whose answer does not say, and the bounds of what one may say. */
const LIFE_MS = { unsaid: 300_000, least: 60_000, most: 86_400_000 };
/** From this share of their life on, keys are fetched anew while the old ones still serve. */
const STALE = 0.8;
/** The base64url characters of a 2,048-bit modulus. */
const SHORTEST_MODULUS = 342;

/** One published set of keys. Another set is another object. */
export interface KeySet {
  has(kid: string): boolean;
  keys: JWTVerifyGetKey;
}

export interface GoogleCertificates {
  /**
   * The current keys, fetched anew where they have expired or lack this `kid`.
   *
   * @throws Fault `key_unavailable` where the keys have expired, or lack the `kid`, and no others can be had now
   */
  keysFor(kid: string): Promise<KeySet>;
}

/** Fetches Google's keys and keeps them as long as `Cache-Control` allows. One request at a time. */
export function openGoogleCertificates({ url, clock }: { url: string; clock: Clock }): GoogleCertificates {
  let known: { set: KeySet; fetchedAt: number; lifeMs: number } | null = null;
  let last: { askedAt: number; failed: boolean } | null = null;
  let running: Promise<KeySet> | null = null;

  function refresh(): Promise<KeySet> {
    running ??= fetchAnew().finally(() => {
      running = null;
    });
    return running;
  }

  async function fetchAnew(): Promise<KeySet> {
    const askedAt = clock.monotonic();
    last = { askedAt, failed: true };
    const { set, lifeMs } = await fetchKeys(url);
    known = { set, fetchedAt: askedAt, lifeMs };
    last = { askedAt, failed: false };
    return set;
  }

  return {
    async keysFor(kid) {
      const now = clock.monotonic();
      const age = known === null ? Number.POSITIVE_INFINITY : now - known.fetchedAt;
      if (known === null || age >= known.lifeMs) return await refresh();
      const { set, lifeMs } = known;
      const isCoolingDown = last !== null && now - last.askedAt < COOLDOWN_MS;
      if (!set.has(kid)) {
        if (!isCoolingDown || running !== null) return await refresh();
        if (last?.failed) throw unavailable("the keys could not be fetched a moment ago");
      } else if (age >= lifeMs * STALE && !isCoolingDown) {
        refresh().catch(() => {}); // the old ones serve until they expire; who needs others by then is told
      }
      return set;
    },
  };
}

async function fetchKeys(url: string): Promise<{ set: KeySet; lifeMs: number }> {
  const answer = await boundedFetch(
    url,
    { headers: { accept: "application/json" } },
    { deadlineMs: DEADLINE_MS, maxBytes: MAX_BYTES },
  ).catch((error: unknown) => {
    throw unavailable(`the keys cannot be fetched: ${networkWord(error)}`);
  });
  if (answer.status !== 200) throw unavailable(`the keys were answered with status ${answer.status}`);
  const listed = parseObject(answer.text)?.["keys"];
  const keys = Array.isArray(listed) ? listed.map(readKey).filter((key) => key !== null) : [];
  if (keys.length === 0) throw unavailable("the answer holds no RSA keys");
  const { createLocalJWKSet } = await import("jose");
  const names = new Set(keys.map(({ kid }) => kid));
  return {
    set: { has: (kid) => names.has(kid), keys: createLocalJWKSet({ keys }) },
    lifeMs: lifeOf(answer.headers),
  };
}

function readKey(value: unknown): (JWK & { kty: "RSA"; kid: string }) | null {
  if (!isRecord(value)) return null;
  const { kty, kid, n, e, alg = "RS256", use = "sig" } = value;
  if (kty !== "RSA" || alg !== "RS256" || use !== "sig") return null;
  if (typeof kid !== "string" || typeof n !== "string" || typeof e !== "string") return null;
  return n.length < SHORTEST_MODULUS ? null : { kty, kid, n, e, alg: "RS256", use: "sig" };
}

function lifeOf(headers: Headers): number {
  const maxAge = /(?:^|[\s,])max-age=(\d{1,9})(?:$|[\s,])/i.exec(headers.get("cache-control") ?? "")?.[1];
  if (maxAge === undefined) return LIFE_MS.unsaid;
  const age = /^\d{1,9}$/.exec(headers.get("age") ?? "")?.[0] ?? "0";
  return Math.min(Math.max((Number(maxAge) - Number(age)) * 1_000, LIFE_MS.least), LIFE_MS.most);
}

function unavailable(words: string): Fault {
  return new Fault("key_unavailable", { retryAfterS: 5, cause: new Error(words) });
}
