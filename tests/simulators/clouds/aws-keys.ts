import { createHash } from "node:crypto";

/** The account that every simulated credential belongs to. */
export const ACCOUNT = "111122223333";

const BASE32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/** Letters that a key id has left behind the account. */
const ROOM = 7;

/** An access key id of that account with a word of at most seven letters in it, as AWS would encode it. */
export function keyIdOf(word: string, account = ACCOUNT): string {
  // One bit that is not known, 40 of the account, 4 of what follows.
  const bits = BigInt(account) << 4n;
  const digits = Array.from({ length: 9 }, (_, index) =>
    BASE32.charAt(Number((bits >> BigInt(5 * (8 - index))) & 31n)),
  );
  return `AKIA${digits.join("")}${word
    .toUpperCase()
    .replaceAll(/[^A-Z]/g, "")
    .slice(0, ROOM)
    .padEnd(ROOM, "7")}`;
}

/** The word in a key id. */
export function wordOf(keyId: string): string {
  return keyId.slice(-ROOM).replace(/7+$/, "").toLowerCase();
}

/** The one secret that belongs to a key id: 40 characters of base64. */
export function secretOf(keyId: string): string {
  return createHash("sha256").update(`simulated ${keyId}`).digest("base64").slice(0, 40);
}

/** Who holds a session, as its token says. */
export interface Holder {
  arn: string;
  word: string;
}

/** Keys for a session; the token says whose they are and cannot be used with another id. */
export function sessionOf(holder: Holder): { id: string; secret: string; token: string } {
  const token = Buffer.from(JSON.stringify(holder)).toString("base64").padEnd(200, "/");
  const id = `ASIA${createHash("sha256")
    .update(token)
    .digest("hex")
    .toUpperCase()
    .replaceAll(/[^A-F2-7]/g, "")
    .slice(0, 16)}`;
  return { id, secret: secretOf(id), token };
}

/** The holder of a session, `null` where the token is none of ours or belongs to another id. */
export function holderOf(keyId: string, token: string): Holder | null {
  try {
    const holder: unknown = JSON.parse(Buffer.from(token.replace(/\/+$/, ""), "base64").toString("utf8"));
    if (typeof holder !== "object" || holder === null || !("arn" in holder) || !("word" in holder)) return null;
    const read = { arn: String(holder.arn), word: String(holder.word) };
    return sessionOf(read).id === keyId ? read : null;
  } catch {
    return null;
  }
}

/** The claims of an identity token, which is not verified; `null` where it is no JWT. */
export function claimsOf(token: string): { aud: string; sub: string; azp: string } | null {
  const [, payload = "", signature] = token.split(".");
  if (signature === undefined) return null;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
    if (typeof claims !== "object" || claims === null || !("aud" in claims) || !("sub" in claims)) return null;
    const azp = "azp" in claims ? String(claims.azp) : "";
    return { aud: String(claims.aud), sub: String(claims.sub), azp };
  } catch {
    return null;
  }
}
