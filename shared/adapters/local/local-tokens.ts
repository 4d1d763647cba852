import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { JWK } from "jose";
import { Fault, malformed } from "../../contract/fault.ts";
import { LOCAL_SUBJECT } from "../../contract/names.ts";
import type { Clock } from "../../ports/clock.ts";
import type { TokenIssuer, TokenVerifier } from "../../ports/tokens.ts";
import { isRecord, parseObject } from "../stored/json.ts";
import { RememberedCallers, readHeader, verifyIdentityToken } from "../tokens/identity-token.ts";
import { createOnce, fileStamp, readPrivateFile, replaceFile } from "./home.ts";

export const LOCAL_ISSUER = "https://cloudact-integrations.local";
export const DEFAULT_AUDIENCE = "cloudact-integrations-decrypt";

const LIFETIME_S = 3_600;

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
  const remembered = new RememberedCallers();
  let keys: { stamp: string | null; jwks: { keys: JWK[] } } = { stamp: null, jwks: { keys: [] } };

  function currentKeys(): { keys: JWK[] } {
    const stamp = fileStamp(file);
    if (stamp !== keys.stamp) keys = { stamp, jwks: stamp === null ? { keys: [] } : readPublicKeys(file) };
    return keys.jwks;
  }

  return {
    async verify(token) {
      const header = readHeader(token);
      if ("refused" in header) return header;
      const jwks = currentKeys();
      const nowMs = options.clock.now();
      const known = remembered.get(token, jwks, nowMs);
      if (known !== null) return { caller: known };
      const { createLocalJWKSet } = await import("jose");
      const rules = { issuers: [LOCAL_ISSUER], audience, nowMs };
      const { verdict, expiresAtMs } = await verifyIdentityToken(token, createLocalJWKSet(jwks), rules);
      if ("caller" in verdict) remembered.set(token, jwks, verdict.caller, expiresAtMs);
      return verdict;
    },
  };
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
