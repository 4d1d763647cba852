import type { Clock } from "../../ports/clock.ts";
import type { TokenVerifier } from "../../ports/tokens.ts";
import { RememberedCallers, readHeader, verifyIdentityToken } from "../tokens/identity-token.ts";
import { openGoogleCertificates } from "./google-certificates.ts";

/** Google signs with either. Source: https://developers.google.com/identity/openid-connect/openid-connect, read 2026-11-21. */
const ISSUERS = ["https://accounts.google.com", "accounts.google.com"];

/**
 * Verifies identity tokens that Google has signed, for one audience. Not by `OAuth2Client.verifyIdToken` of
 * google-auth-library 11.3.4: its errors quote the token, it allows five minutes of skew and it takes
 * `email_verified: false`.
 */
export function openGoogleTokens(options: { audience: string; jwksUrl: string; clock: Clock }): TokenVerifier {
  const { audience, jwksUrl, clock } = options;
  const certificates = openGoogleCertificates({ url: jwksUrl, clock });
  const remembered = new RememberedCallers();

  return {
    async verify(token) {
      const header = readHeader(token);
      if ("refused" in header) return header;
      const set = await certificates.keysFor(header.kid);
      const nowMs = clock.now();
      const known = remembered.get(token, set, nowMs);
      if (known !== null) return { caller: known };
      const rules = { issuers: ISSUERS, audience, nowMs };
      const { verdict, expiresAtMs } = await verifyIdentityToken(token, set.keys, rules);
      if ("caller" in verdict) remembered.set(token, set, verdict.caller, expiresAtMs);
      return verdict;
    },
  };
}
