import { Impersonated, OAuth2Client } from "google-auth-library";
import { createRemoteJWKSet, decodeJwt, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { benchToken } from "./bearer.ts";
import { type Certificates, startCertificates } from "./certificates.ts";
import { type IamCredentials, iamFaults, startIamCredentials } from "./iam-credentials.ts";
import { awsAccount, openRights } from "./rights.ts";

const id = "109876543210987654321";
const setup = "int-setup@cloudact-testing-1.iam.gserviceaccount.com";

describe("the IAM Credentials API", () => {
  let google: Certificates;
  let iam: IamCredentials;
  beforeAll(async () => {
    google = await startCertificates();
    const { allows } = openRights();
    iam = await startIamCredentials({ issuer: google, accounts: [{ email: awsAccount, id }], allows });
  });
  afterEach(() => iam.reset());
  afterAll(async () => void (await Promise.all([iam.close(), google.close()])));

  async function ask(
    options: { name?: string; body?: unknown; as?: string | null; path?: string; method?: string } = {},
  ): Promise<{ status: number; body: { token?: string; error?: { status: string; message: string } } }> {
    const { name = awsAccount, body = { audience: "tenant" }, as = setup, method = "POST" } = options;
    const answer = await fetch(
      `${iam.url}${options.path ?? `/v1/projects/-/serviceAccounts/${name}:generateIdToken`}`,
      {
        method,
        headers: as === null ? {} : { authorization: `Bearer ${benchToken(as)}` },
        ...(method === "POST" ? { body: JSON.stringify(body) } : {}),
      },
    );
    return { status: answer.status, body: (await answer.json()) as never };
  }

  test.each([awsAccount, id])(
    "mints a token that Google's certificates prove, by email and by number: %s",
    async (name) => {
      const { status, body } = await ask({ name });
      const { payload } = await jwtVerify(body.token ?? "", createRemoteJWKSet(new URL(google.url)), {
        issuer: "https://accounts.google.com",
        audience: "tenant",
      });
      expect([status, payload.sub, payload["azp"], payload["email"]]).toEqual([200, id, id, undefined]);
    },
  );

  test("says the email where it is asked for", async () => {
    const { body } = await ask({ body: { audience: "tenant", includeEmail: true } });
    expect(decodeJwt(body.token ?? "")).toMatchObject({ azp: id, email: awsAccount, email_verified: true });
  });

  test("gives the official client tokens whose azp is the email, which is why the adapter does without it", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {}); // it warns of endpoints that are not Google's
    const sourceClient = new OAuth2Client();
    sourceClient.setCredentials({ access_token: benchToken(setup), expiry_date: Date.now() + 3_600_000 });
    const client = new Impersonated({ sourceClient, targetPrincipal: awsAccount, endpoint: iam.url });
    expect(decodeJwt(await client.fetchIdToken("tenant"))).toMatchObject({ sub: id, azp: awsAccount });
  });

  test.each([
    ["without a token", { as: null }, 401, "UNAUTHENTICATED"],
    [
      "by a function that may not",
      { as: "int-list@cloudact-testing-1.iam.gserviceaccount.com" },
      403,
      "PERMISSION_DENIED",
    ],
    ["by the account itself", { as: awsAccount }, 403, "PERMISSION_DENIED"],
    ["for an account that there is not", { name: "other@x" }, 403, "PERMISSION_DENIED"],
    ["without an audience", { body: {} }, 400, "INVALID_ARGUMENT"],
    ["with an audience that is no text", { body: { audience: 7 } }, 400, "INVALID_ARGUMENT"],
    ["with a body that is no object", { body: "audience" }, 400, "INVALID_ARGUMENT"],
    [
      "in a project by name",
      { path: `/v1/projects/cloudact-testing-1/serviceAccounts/${awsAccount}:generateIdToken` },
      400,
      "INVALID_ARGUMENT",
    ],
    [
      "for an access token",
      { path: `/v1/projects/-/serviceAccounts/${awsAccount}:generateAccessToken` },
      404,
      "NOT_FOUND",
    ],
    ["by GET", { method: "GET" }, 404, "NOT_FOUND"],
  ] as const)("refuses a call %s", async (_, asked, status, word) => {
    const answer = await ask(asked);
    expect([answer.status, answer.body.error?.status]).toEqual([status, word]);
  });

  test.each(iamFaults)("shows the fault %s once and then no more", async (fault) => {
    iam.faults.next(fault);
    const good = (token: string | undefined) => {
      try {
        const { aud, sub, azp, iat = 0, exp = 0 } = decodeJwt(token ?? "");
        return [aud, sub, azp, exp - iat, Math.abs(iat - google.now()) < 60].join();
      } catch {
        return "none";
      }
    };
    const bad = good((await ask()).body.token);
    expect(good((await ask()).body.token)).toBe(["tenant", id, id, 3_600, true].join());
    expect(bad).not.toBe(["tenant", id, id, 3_600, true].join());
  });
});
