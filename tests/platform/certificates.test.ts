import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Certificates, certificateFaults, startCertificates, subjectOf } from "./certificates.ts";
import { transportFaults } from "./http-simulator.ts";

describe("Google's certificates", () => {
  let google: Certificates;
  beforeEach(async () => {
    google = await startCertificates({ audience: "ours" });
  });
  afterEach(() => google.close());

  const published = async () =>
    ((await (await fetch(google.url)).json()) as { keys: Array<Record<string, string>> }).keys;

  test("are two public RSA keys that may be kept for a while", async () => {
    const answer = await fetch(google.url);
    expect(answer.headers.get("cache-control")).toBe("public, max-age=19800, must-revalidate, no-transform");
    const keys = await published();
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
      expect(key).toMatchObject({ alg: "RS256", kty: "RSA", use: "sig", kid: expect.stringMatching(/^[0-9a-f]{40}$/) });
    }
  });

  test("prove the tokens of their issuer to any verifier, also after a rotation", async () => {
    const keys = createRemoteJWKSet(new URL(google.url), { cooldownDuration: 0 });
    const before = await google.issue("117263548901234567890");
    await google.rotate();
    const after = await google.issue("117263548901234567890", { email: undefined });
    expect(decodeProtectedHeader(after).kid).toBe(google.keyId());
    expect(decodeProtectedHeader(before).kid).not.toBe(google.keyId());
    for (const token of [before, after]) {
      const { payload } = await jwtVerify(token, keys, { issuer: "https://accounts.google.com", audience: "ours" });
      expect(payload).toMatchObject({ sub: "117263548901234567890", azp: "117263548901234567890" });
      expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(3_600);
    }
    expect("email" in (await jwtVerify(after, keys)).payload).toBe(false);
  });

  test("of a key before the last are gone", async () => {
    const first = google.keyId();
    await google.rotate();
    expect((await published()).map(({ kid }) => kid)).toContain(first);
    await google.rotate();
    expect((await published()).map(({ kid }) => kid)).not.toContain(first);
  });

  test("are at their own path only, and only read", async () => {
    expect((await fetch(google.url, { method: "POST" })).status).toBe(405);
    expect((await fetch(google.url.replace("/v3/", "/v1/"))).status).toBe(404);
  });

  test.each([...certificateFaults, ...transportFaults.filter((fault) => fault !== "hang" && fault !== "drip")])(
    "that shall fail with %s once do so once",
    async (fault) => {
      google.faults.next(fault);
      const read = async () => {
        const answer = await fetch(google.url, { redirect: "manual" });
        return JSON.stringify([answer.status, await answer.text()]);
      };
      const broken = await read().catch(() => "broken");
      expect(broken).not.toBe(await read());
      expect(await published()).toHaveLength(2);
    },
  );

  test.each(["hang", "drip"] as const)("that shall %s do not end", async (fault) => {
    google.faults.always(fault);
    const read = async () => await (await fetch(google.url, { signal: AbortSignal.timeout(300) })).text();
    await expect(read()).rejects.toThrow();
    google.reset();
    expect(await published()).toHaveLength(2);
    expect(google.requests).toHaveLength(1);
  });

  test("give every account a number of 21 digits, always the same", () => {
    const numbers = ["a@x", "b@x", "int-setup@cloudact-testing-1.iam.gserviceaccount.com"].map(subjectOf);
    expect(new Set(numbers).size).toBe(3);
    for (const number of numbers) expect(number).toMatch(/^1\d{20}$/);
    expect(subjectOf("a@x")).toBe(numbers[0]);
  });
});
