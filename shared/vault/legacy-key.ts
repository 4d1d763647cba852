import type { OrgKey } from "../contract/rows.ts";
import type { Pepper } from "../ports/secret-source.ts";
import { hashOrgKey } from "./org-key.ts";

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
