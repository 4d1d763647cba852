import type { OrgKey } from "../contract/rows.ts";
import type { Pepper } from "../ports/secret-source.ts";
import { hashOrgKey, sameHash } from "./org-key.ts";

/** `{org}_api_{random}`, as organisation keys were before. */
const SHAPE = /^[a-z0-9][a-z0-9_-]{0,62}_api_[A-Za-z0-9_-]{8,128}$/;
const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ID_LENGTH = 12;

/** Shape only: garbage costs no look-up. Every repetition in it is bounded, so a long text costs no more than a key. */
export function isLegacyKey(text: string): boolean {
  return SHAPE.test(text);
}

/**
 * The look-up id of a legacy key, from its HMAC: whoever holds the key finds its row again without the older table, two
 * instances make the same row, and without the pepper nobody can tell which key it is.
 */
export function legacyKeyId(keyHmac: Buffer): string {
  let rest = keyHmac.readBigUInt64BE(0) * 2n ** 64n + keyHmac.readBigUInt64BE(8);
  let id = "";
  for (let index = 0; index < ID_LENGTH; index += 1) {
    id = ALPHABET[Number(rest % 62n)] + id;
    rest /= 62n;
  }
  return id;
}

/**
 * What an organisation's rows say of a legacy key that was not found by its ids: the row that is its own under one of
 * these peppers, a revoked one first; `unknowable` where a legacy row was revoked under another pepper, since that may be
 * this key's and nobody can tell any more; else `null`.
 */
export function standingOf(
  key: string,
  rows: readonly OrgKey[],
  peppers: readonly Pepper[],
): OrgKey | "unknowable" | null {
  const hashes = new Map(peppers.map(({ version, bytes }) => [version, hashOrgKey(bytes, key)]));
  const legacy = rows.filter((row) => row.legacy);
  const own = legacy.filter((row) => {
    const hmac = hashes.get(row.pepper_version);
    return hmac !== undefined && sameHash(hmac, row.key_hmac);
  });
  const revoked = own.find((row) => row.revoked_at !== null);
  if (revoked !== undefined) return revoked;
  if (legacy.some((row) => row.revoked_at !== null && !hashes.has(row.pepper_version))) return "unknowable";
  return own[0] ?? null;
}

/**
 * The last end of an organisation's legacy rows under peppers that are gone: any legacy key of it that was not found may
 * be one of theirs, and lives no longer by being taken over again. `null` where there is no such row.
 */
export function lastEndOf(rows: readonly OrgKey[], peppers: readonly Pepper[]): string | null {
  const gone = rows.filter((row) => row.legacy && peppers.every(({ version }) => version !== row.pepper_version));
  return (
    gone
      .map((row) => row.expires_at ?? "")
      .sort()
      .at(-1) ?? null
  );
}

/** The newest pepper that any of these rows was hashed with, to ask for it; `undefined` where there is none. */
export function newestPepper(rows: readonly OrgKey[]): string | undefined {
  return rows.map((row) => row.pepper_version).sort((left, right) => Number(right) - Number(left))[0];
}

/** The earlier of when the window closes and when the key ends by itself. Both RFC 3339, UTC, milliseconds. */
export function earlierOf(until: string, expiresAt: string | null): string {
  return expiresAt !== null && expiresAt < until ? expiresAt : until;
}

/** A legacy key as it is kept from now on: hashed, flagged, with an end. */
export function legacyKeyRow(
  key: string,
  of: { org: string; environment: string; pepper: Pepper; now: string; until: string; by: string },
): OrgKey {
  const keyHmac = hashOrgKey(of.pepper.bytes, key);
  return {
    key_id: legacyKeyId(keyHmac),
    org_slug: of.org,
    environment: of.environment,
    scope: "manage",
    name: "Taken over from org_api_keys",
    key_hmac: keyHmac,
    pepper_version: of.pepper.version,
    legacy: true,
    created_at: of.now,
    created_by: of.by,
    expires_at: of.until,
    revoked_at: null,
    revoked_by: null,
  };
}
