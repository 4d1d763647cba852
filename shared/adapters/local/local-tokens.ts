import { hash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JWK } from "jose";
import { Fault, malformed } from "../../contract/fault.ts";
import { LOCAL_SUBJECT } from "../../contract/names.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Caller, TokenIssuer, TokenVerifier } from "../../ports/tokens.ts";
import { isRecord, parseObject } from "../stored/json.ts";
import { createOnce, fileStamp, readPrivateFile, replaceFile } from "./home.ts";

export const LOCAL_ISSUER = "https://cloudact-integrations.local";
export const DEFAULT_AUDIENCE = "cloudact-integrations-decrypt";

const LIFETIME_S = 3_600;
const SKEW_S = 60;
const LONGEST_TOKEN = 4_096;
const MOST_REMEMBERED = 1_000;
const COMPACT = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

type Verified = Awaited<ReturnType<TokenVerifier["verify"]>>;

/**
 * Signs identity tokens (RS256) with a key in `token-key.json` (0600), made at the first token where there is none, and
 * publishes its public half in `jwks.json` (0644).
 */
export function openTokenIssuer(home: string, options: { audience?: string; clock: Clock }): TokenIssuer {
  let signing: Promise<{ kid: string; key: JWK }> | null = null;
  return {
    async issue(subject, claims = {}) {
      if (!LOCAL_SUBJECT.test(subject)) throw malformed("subject", `must match ${LOCAL_SUBJECT.source}`);
      const { importJWK, SignJWT } = await import("jose");
      signing ??= openSigningKey(home);
      const { kid, key } = await signing.catch((error: unknown) => {
        signing = null;
        throw error;
      });
      const iat = Math.floor(options.clock.now() / 1000);
      return new SignJWT({ email: `${subject}@local`, email_verified: true, ...claims })
        .setProtectedHeader({ alg: "RS256", kid, typ: "JWT" })
        .setIssuer(LOCAL_ISSUER)
        .setAudience(options.audience ?? DEFAULT_AUDIENCE)
        .setSubject(subject)
        .setIssuedAt(iat)
        .setExpirationTime(iat + LIFETIME_S)
        .sign(await importJWK(key, "RS256"));
    },
  };
}

/**
 * Verifies what the local issuer signs, with nothing but `jwks.json`: it makes no key, and before the first token was
 * issued it refuses every one. Accepts RS256 only, one audience as a single string, a life of an hour at most.
 */
export function openTokenVerifier(home: string, options: { audience?: string; clock: Clock }): TokenVerifier {
  const file = join(home, "jwks.json");
  const audience = options.audience ?? DEFAULT_AUDIENCE;
  const remembered = new Map<string, { caller: Caller; expiresAtMs: number }>();
  let keys: { stamp: string | null; jwks: { keys: JWK[] } } = { stamp: null, jwks: { keys: [] } };

  function currentKeys(): { keys: JWK[] } {
    const stamp = fileStamp(file);
    if (stamp !== keys.stamp) {
      remembered.clear();
      keys = { stamp, jwks: stamp === null ? { keys: [] } : readPublicKeys(file) };
    }
    return keys.jwks;
  }

  return {
    async verify(token) {
      if (token.length > LONGEST_TOKEN || !COMPACT.test(token)) return { refused: "malformed" };
      if (token.endsWith(".SIGNATURE_REMOVED_BY_GOOGLE")) return { refused: "signature_removed" };
      const jwks = currentKeys();
      const nowMs = options.clock.now();
      const name = hash("sha256", token, "hex");
      const known = remembered.get(name);
      if (known && nowMs < known.expiresAtMs) return { caller: known.caller };
      remembered.delete(name);

      const { verdict, expiresAtMs } = await verifyAgainst(token, jwks, audience, nowMs);
      if ("caller" in verdict && nowMs < expiresAtMs) {
        if (remembered.size >= MOST_REMEMBERED) remembered.clear();
        remembered.set(name, { caller: verdict.caller, expiresAtMs });
      }
      return verdict;
    },
  };
}

async function verifyAgainst(
  token: string,
  jwks: { keys: JWK[] },
  audience: string,
  nowMs: number,
): Promise<{ verdict: Verified; expiresAtMs: number }> {
  const { createLocalJWKSet, errors, jwtVerify } = await import("jose");
  const refuse = (refused: Extract<Verified, { refused: string }>["refused"]) => ({
    verdict: { refused },
    expiresAtMs: 0,
  });
  try {
    const { payload } = await jwtVerify(token, createLocalJWKSet(jwks), {
      algorithms: ["RS256"],
      issuer: LOCAL_ISSUER,
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
    return {
      verdict: { caller: { subject: sub, email: typeof email === "string" ? email : null } },
      expiresAtMs: exp * 1000,
    };
  } catch (error) {
    // The errors of jose quote what they were given, so none of them goes any further than its class.
    if (error instanceof errors.JWTExpired) return refuse("expired");
    if (error instanceof errors.JWTClaimValidationFailed) {
      return refuse(error.claim === "iss" ? "issuer" : error.claim === "aud" ? "audience" : "claims");
    }
    if (error instanceof errors.JWSSignatureVerificationFailed) return refuse("signature");
    if (error instanceof errors.JOSEAlgNotAllowed || error instanceof errors.JWKSNoMatchingKey)
      return refuse("signature");
    return refuse("malformed");
  }
}

/** The key in the home, made where there is none; of several processes at once, all take the one that was first. */
async function openSigningKey(home: string): Promise<{ kid: string; key: JWK }> {
  const { calculateJwkThumbprint, exportJWK, generateKeyPair } = await import("jose");
  const file = join(home, "token-key.json");
  if (fileStamp(file) === null) {
    const { privateKey } = await generateKeyPair("RS256", { modulusLength: 2_048, extractable: true });
    createOnce(file, `${JSON.stringify(await exportJWK(privateKey))}\n`);
  }
  const key = parseKey(readPrivateFile(file));
  if (!key) throw new Fault("key_unavailable", { cause: new Error(`${file} is not a key`) });
  const kid = await calculateJwkThumbprint(key);
  const { kty, n, e } = key;
  const jwks = `${JSON.stringify({ keys: [{ kty, n, e, kid, alg: "RS256", use: "sig" }] }, null, 2)}\n`;
  const published = join(home, "jwks.json");
  if (fileStamp(published) === null || readFileSync(published, "utf8") !== jwks) replaceFile(published, jwks, 0o644);
  return { kid, key };
}

function readPublicKeys(file: string): { keys: JWK[] } {
  try {
    const listed = parseObject(readFileSync(file, "utf8"))?.["keys"];
    if (!Array.isArray(listed)) throw new Error("no keys in it");
    return { keys: listed.filter(isRecord).map(({ kty, n, e, kid }) => publicKey(kty, n, e, kid)) };
  } catch (cause) {
    throw new Fault("key_unavailable", { cause });
  }
}

function publicKey(kty: unknown, n: unknown, e: unknown, kid: unknown): JWK {
  if (kty !== "RSA" || typeof n !== "string" || typeof e !== "string" || typeof kid !== "string")
    throw new Error("not a key");
  return { kty, n, e, kid, alg: "RS256", use: "sig" };
}

function parseKey(text: string): (JWK & { kty: "RSA" }) | null {
  const { kty, n, e, d, p, q, dp, dq, qi } = parseObject(text) ?? {};
  const [n1, e1, d1, p1, q1, dp1, dq1, qi1] = [n, e, d, p, q, dp, dq, qi].map((part) =>
    typeof part === "string" ? part : "",
  );
  if (kty !== "RSA" || !n1 || !e1 || !d1 || !p1 || !q1 || !dp1 || !dq1 || !qi1) return null;
  return { kty, n: n1, e: e1, d: d1, p: p1, q: q1, dp: dp1, dq: dq1, qi: qi1 };
}
