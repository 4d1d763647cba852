import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";

/** Longest PEM text; a key of 4096 bits has 3.3 kB. */
const LONGEST = 8 * 1024;
const SMALLEST_BITS = 2_048;
const LARGEST_BITS = 4_096;
const BLOCK = /-----BEGIN ((?:RSA )?PRIVATE KEY)-----([A-Za-z0-9+/=\s]*)-----END \1-----/;

/** Why a PEM is not taken, in words for its field, with a machine word. */
export interface KeyFault {
  message: string;
  reason: string;
}

/**
 * An RSA private key as it was pasted, brought into its one form: what stands around the block is dropped (OCI's console
 * appends a label), `\n` as two characters and lost line breaks are repaired. 2048 to 4096 bits, no passphrase.
 */
export function readPrivateKey(pasted: string): string | KeyFault {
  if (pasted.length > LONGEST) return { message: "is longer than 8 KiB", reason: "key_too_long" };
  const text = pasted.replaceAll("\\r", "").replaceAll("\\n", "\n");
  if (/ENCRYPTED/.test(text)) return { message: "is protected by a passphrase", reason: "key_encrypted" };
  const found = BLOCK.exec(text);
  if (found === null || text.split("-----BEGIN ").length !== 2)
    return { message: "must be one whole PEM block, from -----BEGIN to the end of -----END", reason: "key_malformed" };
  const body = (found[2] ?? "").replace(/\s+/g, "").match(/.{1,64}/g) ?? [];
  const pem = `-----BEGIN ${found[1]}-----\n${body.join("\n")}\n-----END ${found[1]}-----\n`;
  const key = parsed(pem);
  if (key === null)
    return { message: "is not a readable private key; was it cut off while copying?", reason: "key_malformed" };
  if (key.asymmetricKeyType !== "rsa") return { message: "must be an RSA key", reason: "key_not_rsa" };
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits < SMALLEST_BITS || bits > LARGEST_BITS)
    return { message: `must have ${SMALLEST_BITS} to ${LARGEST_BITS} bits`, reason: "key_size" };
  if (!canSign(key)) return { message: "cannot sign: its numbers do not belong together", reason: "key_malformed" };
  return pem;
}

const TEXT = Buffer.from("a text to sign");

/** Whether the key's public half takes what it signs: one with a damaged number parses all the same. */
function canSign(key: KeyObject): boolean {
  try {
    return verify("sha256", TEXT, createPublicKey(key), sign("sha256", TEXT, key));
  } catch {
    return false;
  }
}

/** What OpenSSL says of a bad key is never kept: it may quote it. */
function parsed(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    return null;
  }
}
