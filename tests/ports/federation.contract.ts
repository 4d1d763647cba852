import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { awsAudience } from "../../shared/contract/names.ts";
import type { Federation } from "../../shared/ports/federation.ts";
import type { ManualClock } from "./manual-clock.ts";

/** An identity towards AWS and the clock that it reads. */
export interface FederationUnderTest {
  federation: Federation;
  clock: ManualClock;
  dispose(): Promise<void>;
}

export function describeFederation(name: string, make: () => Promise<FederationUnderTest>): void {
  describe(`${name} as the identity towards AWS`, () => {
    let under: FederationUnderTest;
    beforeEach(async () => {
      under = await make();
    });
    afterEach(async () => under.dispose());

    test("its tokens carry the audience, the numeric id as sub and azp, and an hour at most", async () => {
      const audience = awsAudience(under.federation, "acme");
      expect(audience).toBe(`cloudact-integrations:${under.federation.project}:acme`);
      const token = await under.federation.identityToken(audience);
      const { aud, sub, azp, iat = 0, exp = 0 } = decodeJwt(token);
      expect({ aud, sub, azp }).toEqual({
        aud: audience,
        sub: under.federation.subject,
        azp: under.federation.subject,
      });
      expect(under.federation.subject).toMatch(/^\d{21}$/);
      expect(exp - iat).toBeLessThanOrEqual(3_600);
      expect(Math.abs(iat * 1_000 - under.clock.now())).toBeLessThan(2_000);
      expect(decodeProtectedHeader(token).alg).toBe("RS256");
    });
    test("every organisation has an audience of its own", async () => {
      const tokens = await Promise.all(
        ["acme", "acme2"].map((org) => under.federation.identityToken(awsAudience(under.federation, org))),
      );
      expect(new Set(tokens.map((token) => decodeJwt(token).aud)).size).toBe(2);
    });
  });
}
