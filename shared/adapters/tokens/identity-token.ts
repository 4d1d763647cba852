import { hash } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import { LOCAL_SUBJECT } from "../../contract/names.ts";
import type { Caller, TokenVerifier } from "../../ports/tokens.ts";
import { parseObject } from "../stored/json.ts";

export type Verified = Awaited<ReturnType<TokenVerifier["verify"]>>;
export type Refusal = Extract<Verified, { refused: string }>["refused"];

const LIFETIME_S = 3_600;
const SKEW_S = 60;
const LONGEST_TOKEN = 4_096;
const LONGEST_EMAIL = 320;
const MOST_REMEMBERED = 1_000;
/** Three parts; the last may be missing, which is a matter of the signature. */
const COMPACT = /^([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]*)$/;

/**
 * What can be told of a token without a key: the `kid` that signed it, or why nobody's key will do. RS256 only. Cloud
 * Run puts `SIGNATURE_REMOVED_BY_GOOGLE` in the place of the signature that it has checked itself; a token that has
 * none at all is treated alike.
 */
export function readHeader(token: string): { kid: string } | { refused: Refusal } {
  const [, head = "", signature = ""] = (token.length <= LONGEST_TOKEN && COMPACT.exec(token)) || [];
  const header = parseObject(Buffer.from(head, "base64url").toString("utf8"));
  if (header === null) return { refused: "malformed" };
  const { alg, kid } = header;
  if (signature === "SIGNATURE_REMOVED_BY_GOOGLE") return { refused: "signature_removed" };
  if (signature === "") return { refused: alg === "RS256" ? "signature_removed" : "malformed" };
  return alg === "RS256" && typeof kid === "string" && kid !== "" ? { kid } : { refused: "signature" };
}

/** What a token is held against. */
export interface Rules {
  issuers: readonly string[];
  /** The one audience, which a token must name alone. */
  audience: string;
  nowMs: number;
}

/**
 * Verifies signature and claims: a life of an hour at most, 60 s of leeway for clocks, a subject that a grant can name,
 * an email that is verified where one is said to be.
 *
 * @returns the verdict, and until when it may be remembered (milliseconds since the epoch; 0 for a refusal)
 */
export async function verifyIdentityToken(
  token: string,
  keys: JWTVerifyGetKey,
  { issuers, audience, nowMs }: Rules,
): Promise<{ verdict: Verified; expiresAtMs: number }> {
  const { errors, jwtVerify } = await import("jose");
  const refuse = (refused: Refusal) => ({ verdict: { refused }, expiresAtMs: 0 });
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["RS256"],
      issuer: [...issuers],
      audience,
      clockTolerance: SKEW_S,
      currentDate: new Date(nowMs),
    });
    const { aud, sub, iat, exp, email } = payload;
    if (typeof aud !== "string") return refuse("audience");
    if (typeof sub !== "string" || !LOCAL_SUBJECT.test(sub) || typeof iat !== "number" || typeof exp !== "number")
      return refuse("claims");
    if (iat > nowMs / 1000 + SKEW_S || exp - iat > LIFETIME_S + SKEW_S || exp <= iat) return refuse("claims");
    if ("email_verified" in payload && payload["email_verified"] !== true) return refuse("claims");
    const known = typeof email === "string" && email.length <= LONGEST_EMAIL ? email : null;
    return { verdict: { caller: { subject: sub, email: known } }, expiresAtMs: exp * 1000 };
  } catch (error) {
    // The errors of jose quote what they were given, so none of them goes any further than its class.
    if (error instanceof errors.JWTExpired) return refuse("expired");
    if (error instanceof errors.JWTClaimValidationFailed)
      return refuse(error.claim === "iss" ? "issuer" : error.claim === "aud" ? "audience" : "claims");
    if (
      error instanceof errors.JWSSignatureVerificationFailed ||
      error instanceof errors.JOSEAlgNotAllowed ||
      error instanceof errors.JWKSNoMatchingKey
    )
      return refuse("signature");
    return refuse("malformed");
  }
}

/** Callers whose tokens were verified before, by the token's hash, until it expires or the keys change. */
export class RememberedCallers {
  readonly #callers = new Map<string, { caller: Caller; expiresAtMs: number }>();
  #keys: unknown = null;

  /** `keys` is whatever changes when the keys do; all is forgotten then. */
  get(token: string, keys: unknown, nowMs: number): Caller | null {
    if (keys !== this.#keys) this.#callers.clear();
    this.#keys = keys;
    const name = hash("sha256", token, "hex");
    const known = this.#callers.get(name);
    if (known && nowMs < known.expiresAtMs) return known.caller;
    this.#callers.delete(name);
    return null;
  }

  /** Keeps the caller only where the keys have not changed since. */
  set(token: string, keys: unknown, caller: Caller, expiresAtMs: number): void {
    if (keys !== this.#keys) return;
    if (this.#callers.size >= MOST_REMEMBERED) this.#callers.clear();
    this.#callers.set(hash("sha256", token, "hex"), { caller, expiresAtMs });
  }
}
