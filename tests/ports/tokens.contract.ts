import { generateKeyPair, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { TokenVerifier } from "../../shared/ports/tokens.ts";
import type { ManualClock } from "./manual-clock.ts";

/** A verifier and the right to sign whatever its issuer could. */
export interface TokensUnderTest {
  verifier: TokenVerifier;
  issuer: string;
  audience: string;
  /** A subject that this issuer gives out. */
  subject: string;
  clock: ManualClock;
  /** Signs exactly these claims with the issuer's key, by RS256. */
  sign(claims: Record<string, unknown>): Promise<string>;
  /** The `kid` that the issuer puts into headers. */
  keyId(): Promise<string>;
  dispose(): Promise<void>;
}

export function describeTokens(name: string, make: () => Promise<TokensUnderTest>): void {
  describe(`${name} as a verifier of identity tokens`, () => {
    let under: TokensUnderTest;
    let verifier: TokenVerifier;
    beforeEach(async () => {
      under = await make();
      verifier = under.verifier;
    });
    afterEach(async () => under.dispose());

    /** Good claims, seconds from now where they are times, and what a test makes of them. `undefined` removes. */
    function claims(changed: Record<string, unknown> = {}): Record<string, unknown> {
      const now = Math.floor(under.clock.now() / 1000);
      const { iatIn = 0, expIn = 3_600, ...rest } = changed;
      return {
        iss: under.issuer,
        aud: under.audience,
        sub: under.subject,
        iat: now + Number(iatIn),
        exp: now + Number(expIn),
        email: "p@example.com",
        email_verified: true,
        ...rest,
      };
    }

    test("a good token says who calls", async () => {
      expect(await verifier.verify(await under.sign(claims()))).toEqual({
        caller: { subject: under.subject, email: "p@example.com" },
      });
      const plain = claims({ email: undefined, email_verified: undefined });
      expect(await verifier.verify(await under.sign(plain))).toEqual({
        caller: { subject: under.subject, email: null },
      });
    });

    test.each([
      ["another issuer", { iss: "https://accounts.example.com" }, "issuer"],
      ["the issuer with a slash", { iss: "SLASH" }, "issuer"],
      ["no issuer", { iss: undefined }, "issuer"],
      ["another audience", { aud: "https://other.run.app" }, "audience"],
      ["two audiences, ours among them", { aud: "PAIR" }, "audience"],
      ["no audience", { aud: undefined }, "audience"],
      ["an expiry more than 60 s ago", { iatIn: -3_600, expIn: -61 }, "expired"],
      ["no expiry", { exp: undefined }, "claims"],
      ["no time of issue", { iat: undefined }, "claims"],
      ["an issue more than 60 s ahead", { iatIn: 120, expIn: 3_600 }, "claims"],
      ["a life of more than an hour", { expIn: 7_200 }, "claims"],
      ["an email that is not verified", { email_verified: false }, "claims"],
      ["an email verified by a word", { email_verified: "true" }, "claims"],
      ["no subject", { sub: undefined }, "claims"],
      ["a subject with a blank", { sub: "a b" }, "claims"],
      ["an empty subject", { sub: "" }, "claims"],
      ["a time before which it does not count", { nbf: 4_000_000_000 }, "claims"],
    ])("a token with %s is refused", async (_, changed, refused) => {
      const made = claims(changed);
      if (made["iss"] === "SLASH") made["iss"] = `${under.issuer}/`;
      if (made["aud"] === "PAIR") made["aud"] = [under.audience, "other"];
      expect(await verifier.verify(await under.sign(made))).toEqual({ refused });
    });

    test("a clock that is 60 s off refuses nobody", async () => {
      expect(await verifier.verify(await under.sign(claims({ iatIn: -3_600, expIn: -59 })))).toHaveProperty("caller");
      expect(await verifier.verify(await under.sign(claims({ iatIn: 59, expIn: 3_659 })))).toHaveProperty("caller");
    });

    test("a token that was accepted before is refused once it has expired", async () => {
      const token = await under.sign(claims());
      expect(await verifier.verify(token)).toHaveProperty("caller");
      under.clock.advance(3_599_000);
      expect(await verifier.verify(token)).toHaveProperty("caller");
      under.clock.advance(62_000);
      expect(await verifier.verify(token)).toEqual({ refused: "expired" });
    });

    test("a token whose signature Cloud Run removed says so", async () => {
      const [header, payload] = (await under.sign(claims())).split(".");
      expect(await verifier.verify(`${header}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`)).toEqual({
        refused: "signature_removed",
      });
    });

    test("a token signed by another key is refused, with our key's name or without", async () => {
      const { privateKey } = await generateKeyPair("RS256");
      for (const kid of [await under.keyId(), "another", undefined]) {
        const header = { alg: "RS256", typ: "JWT", ...(kid ? { kid } : {}) };
        expect(await verifier.verify(await new SignJWT(claims()).setProtectedHeader(header).sign(privateKey))).toEqual({
          refused: "signature",
        });
      }
    });

    test("a token signed by no key, by a shared secret or by another algorithm is refused", async () => {
      const payload = Buffer.from(JSON.stringify(claims())).toString("base64url");
      const none = Buffer.from(JSON.stringify({ alg: "none", kid: await under.keyId() })).toString("base64url");
      expect(await verifier.verify(`${none}.${payload}.`)).toEqual({ refused: "malformed" });
      expect(await verifier.verify(`${none}.${payload}.AAAA`)).toEqual({ refused: "signature" });
      const shared = await new SignJWT(claims())
        .setProtectedHeader({ alg: "HS256", kid: await under.keyId() })
        .sign(new Uint8Array(32));
      expect(await verifier.verify(shared)).toEqual({ refused: "signature" });
      const { privateKey } = await generateKeyPair("PS256");
      const pss = await new SignJWT(claims())
        .setProtectedHeader({ alg: "PS256", kid: await under.keyId() })
        .sign(privateKey);
      expect(await verifier.verify(pss)).toEqual({ refused: "signature" });
    });

    test("a changed payload is refused", async () => {
      const [header, , signature] = (await under.sign(claims())).split(".");
      const other = Buffer.from(JSON.stringify(claims({ sub: `${under.subject}1` }))).toString("base64url");
      expect(await verifier.verify(`${header}.${other}.${signature}`)).toEqual({ refused: "signature" });
    });

    test.each([
      ["nothing", ""],
      ["a word", "canary-secret"],
      ["an API key", "sk-proj-canary"],
      ["two parts", "a.b"],
      ["four parts", "a.b.c.d"],
      ["parts that are no JSON", "YWJj.YWJj.YWJj"],
      ["5,000 characters", `${"a".repeat(2_500)}.${"b".repeat(2_498)}.c`],
      ["a line break", "a.b\n.c"],
    ])("%s is malformed, and nothing of it comes back", async (_, token) => {
      expect(await verifier.verify(token)).toEqual({ refused: "malformed" });
    });

    test("a token of more than 4 KiB is not looked at, however well signed", async () => {
      expect(await verifier.verify(await under.sign(claims({ padding: "x".repeat(4_000) })))).toEqual({
        refused: "malformed",
      });
    });
  });
}
