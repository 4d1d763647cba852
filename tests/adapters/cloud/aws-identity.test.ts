import { decodeJwt } from "jose";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openAwsIdentity } from "../../../shared/adapters/cloud/aws-identity.ts";
import type { Federation } from "../../../shared/ports/federation.ts";
import { type Allows, benchToken } from "../../platform/bearer.ts";
import { type Certificates, startCertificates } from "../../platform/certificates.ts";
import { type IamCredentials, startIamCredentials } from "../../platform/iam-credentials.ts";
import { describeFederation } from "../../ports/federation.contract.ts";
import { type ManualClock, manualClock } from "../../ports/manual-clock.ts";
import { refusedEndpoint } from "../../simulators/start.ts";

const project = "cloudact-testing-1";
const email = `integrations-aws@${project}.iam.gserviceaccount.com`;
const id = "109876543210987654321";
const setup = `int-setup@${project}.iam.gserviceaccount.com`;
const audience = `cloudact-integrations:${project}:acme`;

interface Bench {
  clock: ManualClock;
  google: Certificates;
  iam: IamCredentials;
  federation: Federation;
  close(): Promise<void>;
}

/** A process that runs as `caller` and reads access tokens where `auth` finds them. */
async function bench(
  options: { allows?: Allows; caller?: string; auth?: () => Promise<Headers> } = {},
): Promise<Bench> {
  const clock = manualClock();
  const google = await startCertificates({ now: clock.now });
  const iam = await startIamCredentials({
    issuer: google,
    accounts: [{ email, id }],
    ...(options.allows ? { allows: options.allows } : {}),
  });
  const headers = async () => new Headers({ authorization: `Bearer ${benchToken(options.caller ?? setup)}` });
  const federation = openAwsIdentity({
    auth: { getRequestHeaders: options.auth ?? headers },
    serviceAccountId: id,
    project,
    apiEndpoint: iam.url,
    clock,
  });
  return {
    clock,
    google,
    iam,
    federation,
    close: async () => void (await Promise.all([google.close(), iam.close()])),
  };
}

describeFederation("the identity through IAM Credentials", async () => {
  const { federation, clock, close } = await bench();
  return { federation, clock, dispose: close };
});

describe("tokens of integrations-aws", () => {
  let under: Bench;
  beforeEach(async () => {
    under = await bench();
  });
  afterEach(() => under.close());

  test("are asked for by the numeric id, with the caller's own access token", async () => {
    await under.federation.identityToken(audience);
    expect(under.iam.requests).toHaveLength(1);
    const [asked] = under.iam.requests;
    expect(asked).toMatchObject({
      method: "POST",
      path: `/v1/projects/-/serviceAccounts/${id}:generateIdToken`,
      headers: { authorization: `Bearer ${benchToken(setup)}` },
    });
    expect(JSON.parse(asked?.body ?? "")).toEqual({ audience, includeEmail: true });
  });

  test("are kept for their audience until five minutes before they expire", async () => {
    const first = await under.federation.identityToken(audience);
    under.clock.advance(3_299_000);
    expect(await under.federation.identityToken(audience)).toBe(first);
    under.clock.advance(2_000);
    const second = await under.federation.identityToken(audience);
    expect(second).not.toBe(first);
    expect(under.iam.requests).toHaveLength(2);
  });

  test("are asked for once by callers that come at once, for each audience", async () => {
    const audiences = Array.from({ length: 40 }, (_, index) => `${audience}${index % 2}`);
    const tokens = await Promise.all(audiences.map((one) => under.federation.identityToken(one)));
    expect(new Set(tokens).size).toBe(2);
    expect(under.iam.requests).toHaveLength(2);
  });

  test("of a thousand audiences do not grow without end", async () => {
    const short = await bench();
    for (let index = 0; index <= 1_000; index += 1) await short.federation.identityToken(`${audience}-${index}`);
    const before = short.iam.requests.length;
    await short.federation.identityToken(`${audience}-1000`);
    expect(short.iam.requests).toHaveLength(before);
    await short.federation.identityToken(`${audience}-0`);
    expect(short.iam.requests).toHaveLength(before + 1);
    await short.close();
  });

  test.each(["down", "cut", "garbage", "empty", "huge", "no_token", 408, 429, 500, 502, 503, 504] as const)(
    "are asked for again after %s",
    async (fault) => {
      under.iam.faults.next(fault, 2);
      expect(decodeJwt(await under.federation.identityToken(audience)).aud).toBe(audience);
      expect(under.iam.requests).toHaveLength(3);
    },
  );

  test.each([400, 401, 403, 404, "redirect"] as const)("are not asked for again after %s", async (fault) => {
    under.iam.faults.next(fault);
    await expect(under.federation.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(under.iam.requests).toHaveLength(1);
    expect(under.iam.followed).toEqual([]);
    expect(decodeJwt(await under.federation.identityToken(audience)).aud).toBe(audience);
  });

  test.each([
    "other_audience",
    "other_subject",
    "email_as_azp",
    "no_azp",
    "expired_token",
    "long_token",
    "no_jwt",
  ] as const)("that say something else than was asked are refused and not kept: %s", async (fault) => {
    under.iam.faults.next(fault);
    await expect(under.federation.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(decodeJwt(await under.federation.identityToken(audience))).toMatchObject({ aud: audience, sub: id });
  });

  test("that cannot be had are unavailable within 8 s by the clock, tried several times", async () => {
    under.iam.faults.always(503);
    const before = under.clock.monotonic();
    await expect(under.federation.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(under.clock.monotonic() - before).toBeLessThanOrEqual(8_000);
    expect(under.iam.requests.length).toBeGreaterThan(4);
    expect(under.iam.requests.length).toBeLessThan(100);
  });

  test.each(["hang", "drip"] as const)("from a server that %ss are given up", async (fault) => {
    under.iam.faults.always(fault);
    const real = openAwsIdentity({
      auth: { getRequestHeaders: async () => new Headers({ authorization: `Bearer ${benchToken(setup)}` }) },
      serviceAccountId: id,
      project,
      apiEndpoint: under.iam.url,
      clock: { now: under.clock.now, monotonic: () => performance.now(), sleep: async () => {} },
    });
    const startedAt = performance.now();
    await expect(real.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
    const tookMs = performance.now() - startedAt;
    expect(under.iam.requests).toHaveLength(3);
    expect(tookMs).toBeGreaterThan(7_000);
    expect(tookMs).toBeLessThan(25_000);
  });

  test("are not minted for a function that has no right to them", async () => {
    const refused: string[] = [];
    const strict = await bench({
      caller: `int-list@${project}.iam.gserviceaccount.com`,
      allows: (identity, { service, resource, action }) => {
        refused.push(`${identity} ${service} ${resource} ${action}`);
        return false;
      },
    });
    await expect(strict.federation.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
    expect(refused).toEqual([`int-list@${project}.iam.gserviceaccount.com iam ${email} getOpenIdToken`]);
    await strict.close();
  });

  test("need an access token: without one nobody is asked", async () => {
    const never = () => new Promise<Headers>(() => {});
    for (const auth of [async () => new Headers(), () => Promise.reject(new Error("ya29.canary")), never]) {
      const alone = await bench({ auth });
      const failed = await alone.federation.identityToken(audience).catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: "key_unavailable" });
      expect(String((failed as Error).cause)).not.toContain("canary");
      expect(alone.iam.requests).toEqual([]);
      await alone.close();
    }
  });

  test("no failure says a token, ours or the one minted", async () => {
    const told: string[] = [];
    for (const fault of ["other_audience", "email_as_azp", 403, 500, "garbage", "cut", "no_jwt"] as const) {
      under.iam.faults.always(fault);
      const failed = (await under.federation.identityToken(audience).catch((error: unknown) => error)) as Error;
      told.push(`${failed.message} ${failed.stack} ${String(failed.cause)} ${JSON.stringify(failed)}`);
    }
    expect(told.join("\n")).not.toMatch(/ya29|eyJ/);
  });

  test("from an endpoint where nobody listens are unavailable", async () => {
    const nowhere = openAwsIdentity({
      auth: { getRequestHeaders: async () => new Headers({ authorization: "Bearer x" }) },
      serviceAccountId: id,
      project,
      apiEndpoint: refusedEndpoint,
      clock: manualClock(),
    });
    await expect(nowhere.identityToken(audience)).rejects.toMatchObject({ code: "key_unavailable" });
  });
});
