import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { crc32 } from "node:zlib";
import { Secret } from "../contract/secret.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const SHAPE = /^cact_(live|test|local)_([0-9A-Za-z]{12})_([0-9A-Za-z]{49})$/;

/** An organisation key taken apart. */
export interface ParsedOrgKey {
  environment: string;
  /** Public look-up id. */
  keyId: string;
}

/** A new key `cact_{environment}_{12}_{43}{6}`: 71 bits of look-up id, 256 bits of secret, a checksum. */
export function mintOrgKey(environment: string): { key: Secret; keyId: string } {
  const keyId = randomText(12);
  const start = `cact_${environment}_${keyId}_${randomText(43)}`;
  return { key: new Secret(start + checksum(start)), keyId };
}

/** Shape and checksum only: garbage costs no look-up. `null` where either is wrong. */
export function parseOrgKey(text: string): ParsedOrgKey | null {
  if (text.length > 80) return null;
  const found = SHAPE.exec(text);
  if (!found?.[1] || !found[2] || checksum(text.slice(0, -6)) !== text.slice(-6)) return null;
  return { environment: found[1], keyId: found[2] };
}

/** HMAC-SHA-256(pepper, whole key), 32 bytes. The key has 256 bits of its own, so nothing slower is needed. */
export function hashOrgKey(pepper: Buffer, key: string): Buffer {
  return createHmac("sha256", pepper).update(key, "utf8").digest();
}

/** Compares in constant time. */
export function sameHash(left: Buffer, right: Buffer): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}

function randomText(length: number): string {
  let text = "";
  while (text.length < length) {
    for (const byte of randomBytes(64)) {
      if (byte < 248 && text.length < length) text += ALPHABET[byte % 62];
    }
  }
  return text;
}

/** Base62 of the CRC-32 of all that stands before it, six characters. It finds typing errors; it proves nothing. */
function checksum(text: string): string {
  let rest = crc32(text);
  let out = "";
  for (let index = 0; index < 6; index += 1) {
    out = ALPHABET[rest % 62] + out;
    rest = Math.floor(rest / 62);
  }
  return out;
}
