import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { openGoogleTokens } from "../../../shared/adapters/cloud/google-tokens.ts";
import { RememberedCallers } from "../../../shared/adapters/tokens/identity-token.ts";
import type { TokenVerifier } from "../../../shared/ports/tokens.ts";
import { type Certificates, GOOGLE_ISSUER, startCertificates } from "../../platform/certificates.ts";
import { type ManualClock, manualClock } from "../../ports/manual-clock.ts";
import { describeTokens } from "../../ports/tokens.contract.ts";
import { refusedEndpoint } from "../../simulators/start.ts";

const audience = "cloudact-integrations-decrypt";
const subject = "117263548901234567890";

describeTokens("the verifier of Google's tokens", async () => {
  const clock = manualClock();
  const google = await startCertificates({ audience, now: clock.now });
  return {
    verifier: openGoogleTokens({ audience, jwksUrl: google.url, clock }),
    issuer: GOOGLE_ISSUER,
    audience,
    subject,
    clock,
    sign: (claims) => google.sign(claims),
    keyId: async () => google.keyId(),
    dispose: () => google.close(),
  };
});

describe("Google's certificates, as the verifier of tokens keeps them", () => {
  let clock: ManualClock;
  let google: Certificates;
  let verifier: TokenVerifier;
  beforeEach(async () => {
    clock = manualClock();
    google = await startCertificates({ audience, now: clock.now });
    verifier = openGoogleTokens({ audience, jwksUrl: google.url, clock });
  });
  afterEach(() => google.close());

  const accepted = { caller: { subject, email: `${subject}@bench.example` } };

  test("both spellings of the issuer are Google", async () => {
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
    expect(await verifier.verify(await google.issue(subject, { iss: "accounts.google.com" }))).toEqual(accepted);
    expect(await verifier.verify(await google.issue(subject, { iss: "googleapis.com" }))).toEqual({
      refused: "issuer",
    });
  });

  test("callers that come at once share one request, and later ones need none until the keys expire", async () => {
    const token = await google.issue(subject);
    const verdicts = await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)));
    expect(verdicts).toEqual(Array(50).fill(accepted));
    await verifier.verify(await google.issue("another"));
    expect(google.requests).toHaveLength(1);
    expect(google.requests[0]).toMatchObject({ method: "GET", path: "/oauth2/v3/certs", body: "" });
    expect(google.requests[0]?.headers["authorization"]).toBeUndefined();
  });

  test("a token that comes again is not verified again", async () => {
    const verify = vi.spyOn(globalThis.crypto.subtle, "verify");
    const token = await google.issue(subject);
    for (const _ of [1, 2, 3]) expect(await verifier.verify(token)).toEqual(accepted);
    expect(verify).toHaveBeenCalledTimes(1);
    verify.mockRestore();
  });

  test("keys are kept for max-age, and not a second longer", async () => {
    google.maxAge(600);
    await verifier.verify(await google.issue(subject));
    google.faults.always(503);
    clock.advance(599_000);
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
    clock.advance(1_000);
    await expect(verifier.verify(await google.issue(subject))).rejects.toMatchObject({ code: "key_unavailable" });
    google.faults.clear();
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
  });

  test.each([
    ["no Cache-Control", null, 0, 300_000],
    ["a max-age of nothing", 0, 0, 60_000],
    ["a max-age of a year", 31_536_000, 0, 86_400_000],
    ["a max-age of which a cache has used a part", 600, 250, 350_000],
    ["a max-age that a cache has used up", 600, 900, 60_000],
  ])("with %s keys live for a bounded time", async (_, maxAge, age, lifeMs) => {
    google.maxAge(maxAge, age);
    await verifier.verify(await google.issue(subject));
    google.faults.always("down");
    clock.advance(lifeMs - 1);
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
    clock.advance(1);
    await expect(verifier.verify(await google.issue(subject))).rejects.toMatchObject({ code: "key_unavailable" });
  });

  test("a token accepted before is not accepted when its keys have expired and none can be had", async () => {
    google.maxAge(60);
    const token = await google.issue(subject);
    expect(await verifier.verify(token)).toEqual(accepted);
    google.faults.always("down");
    clock.advance(60_000);
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: "key_unavailable" });
  });

  test("late in their life keys are fetched anew while the old ones serve", async () => {
    google.maxAge(1_000);
    await verifier.verify(await google.issue(subject));
    clock.advance(799_000);
    await verifier.verify(await google.issue(subject));
    expect(google.requests).toHaveLength(1);
    clock.advance(1_000);
    google.latency(200);
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
    await expect.poll(() => google.requests.length).toBe(2);
    google.latency(0);
    await new Promise((done) => setTimeout(done, 300));
    clock.advance(999_000);
    google.faults.always("down");
    expect(await verifier.verify(await google.issue(subject))).toEqual(accepted);
  });

  test("a key that is new is looked for, once in 30 s at most", async () => {
    await verifier.verify(await google.issue(subject));
    await google.rotate();
    const token = await google.issue(subject);
    expect(await verifier.verify(token)).toEqual({ refused: "signature" });
    expect(google.requests).toHaveLength(1);
    clock.advance(30_000);
    expect(await verifier.verify(token)).toEqual(accepted);
    expect(google.requests).toHaveLength(2);
    const stray = await google.sign({ sub: subject }, { kid: "stray" });
    for (let times = 0; times < 20; times += 1) expect(await verifier.verify(stray)).toEqual({ refused: "signature" });
    expect(google.requests).toHaveLength(2);
  });

  test("whoever brings a new key while it is looked for waits for the same answer", async () => {
    await verifier.verify(await google.issue(subject));
    await google.rotate();
    const token = await google.issue(subject);
    clock.advance(30_000);
    google.latency(100);
    const first = verifier.verify(token);
    await expect.poll(() => google.requests.length).toBe(2);
    expect(await Promise.all([first, verifier.verify(token), verifier.verify(token)])).toEqual(Array(3).fill(accepted));
    expect(google.requests).toHaveLength(2);
  });

  test("late in their life keys that cannot be had are asked for once in 30 s at most", async () => {
    google.maxAge(1_000);
    const token = await google.issue(subject);
    await verifier.verify(token);
    google.faults.always(503);
    clock.advance(800_000);
    for (let times = 0; times < 10; times += 1) {
      expect(await verifier.verify(token)).toEqual(accepted);
      await new Promise((done) => setTimeout(done, 10));
    }
    expect(google.requests).toHaveLength(2);
  });

  test("a key that nobody knows and nobody can be asked about is unavailable, not refused; known ones still serve", async () => {
    const known = await google.issue(subject);
    await verifier.verify(known);
    await google.rotate();
    const fresh = await google.issue(subject);
    clock.advance(30_000);
    google.faults.always("down");
    for (const _ of [1, 2]) {
      await expect(verifier.verify(fresh)).rejects.toMatchObject({ code: "key_unavailable" });
      expect(await verifier.verify(known)).toEqual(accepted);
    }
    expect(google.requests).toHaveLength(2);
  });

  test("a token of a key that Google has withdrawn is refused, though it was accepted before", async () => {
    const token = await google.issue(subject);
    expect(await verifier.verify(token)).toEqual(accepted);
    await google.rotate();
    await google.rotate();
    clock.advance(30_000);
    await verifier.verify(await google.issue(subject));
    expect(await verifier.verify(token)).toEqual({ refused: "signature" });
  });

  test.each([
    "down",
    "cut",
    "garbage",
    "empty",
    "huge",
    "redirect",
    "no_keys",
    "no_set",
    "odd_keys",
    "partial",
    404,
    429,
    500,
    503,
  ] as const)("certificates that answer with %s let nobody in, and are asked again", async (fault) => {
    const token = await google.issue(subject);
    google.faults.next(fault);
    const refused = await verifier.verify(token).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: "key_unavailable" });
    expect(google.followed).toEqual([]);
    expect(JSON.stringify([refused, String((refused as Error).cause)])).not.toContain(token.slice(0, 30));
    expect(await verifier.verify(token)).toEqual(accepted);
  });

  test.each(["hang", "drip"] as const)("certificates that %s are given up after 3 s", async (fault) => {
    google.faults.always(fault);
    const startedAt = performance.now();
    await expect(verifier.verify(await google.issue(subject))).rejects.toMatchObject({ code: "key_unavailable" });
    expect(performance.now() - startedAt).toBeLessThan(15_000);
  });

  test("an endpoint where nobody listens is unavailable", async () => {
    const nowhere = openGoogleTokens({ audience, jwksUrl: `${refusedEndpoint}/certs`, clock });
    await expect(nowhere.verify(await google.issue(subject))).rejects.toMatchObject({ code: "key_unavailable" });
  });

  test("what cannot be a token of Google's asks nobody", async () => {
    const [header, payload] = (await google.issue(subject)).split(".");
    const shared = await new SignJWT({ sub: subject }).setProtectedHeader({ alg: "HS256" }).sign(new Uint8Array(32));
    const nameless = await google.sign({ sub: subject }, { kid: undefined });
    const named = new SignJWT({ sub: subject }).setProtectedHeader({ alg: "HS256", kid: google.keyId() });
    const verdicts = [
      ["sk-live-canary", "malformed"],
      [nameless, "signature"],
      [await named.sign(new Uint8Array(32)), "signature"],
      [`${header}.${payload}.SIGNATURE_REMOVED_BY_GOOGLE`, "signature_removed"],
      [`${header}.${payload}.`, "signature_removed"],
      [`${header}.${payload}`, "malformed"],
      [shared, "signature"],
    ] as const;
    for (const [token, refused] of verdicts) expect(await verifier.verify(token)).toEqual({ refused });
    expect(google.requests).toEqual([]);
  });

  test("a token that ends before it begins is refused, within the leeway too", async () => {
    const now = google.now();
    expect(await verifier.verify(await google.issue(subject, { iat: now + 50, exp: now + 10 }))).toEqual({
      refused: "claims",
    });
  });

  test("an email that none can be is not passed on", async () => {
    const token = await google.issue(subject, { email: `${"x".repeat(320)}@x` });
    expect(await verifier.verify(token)).toEqual({ caller: { subject, email: null } });
  });

  test("a short key that is published is none", async () => {
    const { generateKeyPairSync } = await import("node:crypto");
    const { exportJWK } = await import("jose");
    const { createServer } = await import("node:http");
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 1_024 });
    const keys = [{ ...(await exportJWK(publicKey)), kid: "short", alg: "RS256", use: "sig" }];
    const server = createServer((_, response) => void response.end(JSON.stringify({ keys }))).listen(0, "127.0.0.1");
    await new Promise((done) => server.once("listening", done));
    const address = server.address();
    const jwksUrl = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/`;
    const { sign } = await import("node:crypto");
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const now = Math.floor(clock.now() / 1_000);
    const claims = { iss: GOOGLE_ISSUER, aud: audience, sub: subject, iat: now, exp: now + 60 };
    const signed = `${part({ alg: "RS256", kid: "short" })}.${part(claims)}`;
    const token = `${signed}.${sign("sha256", Buffer.from(signed), privateKey).toString("base64url")}`;
    await expect(openGoogleTokens({ audience, jwksUrl, clock }).verify(token)).rejects.toMatchObject({
      code: "key_unavailable",
    });
    server.close();
  });
});

describe("callers that were verified before", () => {
  const caller = { subject, email: null };

  test("are remembered until their token expires, or the keys change", () => {
    const remembered = new RememberedCallers();
    expect(remembered.get("token", "keys", 0)).toBeNull();
    remembered.set("token", "keys", caller, 1_000);
    expect(remembered.get("token", "keys", 999)).toEqual(caller);
    expect(remembered.get("token", "keys", 1_000)).toBeNull();
    remembered.set("token", "keys", caller, 1_000);
    expect(remembered.get("token", "other keys", 0)).toBeNull();
    expect(remembered.get("token", "keys", 0)).toBeNull();
  });

  test("are not remembered where the keys have changed while they were verified", () => {
    const remembered = new RememberedCallers();
    remembered.get("token", "old keys", 0);
    remembered.get("another", "new keys", 0);
    remembered.set("token", "old keys", caller, 1_000);
    expect(remembered.get("token", "new keys", 0)).toBeNull();
  });

  test("are a thousand at most", () => {
    const remembered = new RememberedCallers();
    for (let index = 0; index <= 1_000; index += 1) {
      remembered.get(`token ${index}`, "keys", 0);
      remembered.set(`token ${index}`, "keys", caller, 1_000);
    }
    expect(remembered.get("token 0", "keys", 0)).toBeNull();
    expect(remembered.get("token 1000", "keys", 0)).toEqual(caller);
  });
});
