import { Compute } from "google-auth-library";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { benchToken, identityOf } from "./bearer.ts";
import { type Certificates, startCertificates, subjectOf } from "./certificates.ts";
import { type Metadata, startMetadata } from "./metadata.ts";

const email = "int-list@cloudact-testing-1.iam.gserviceaccount.com";
const root = "/computeMetadata/v1";

describe("the metadata server", () => {
  let google: Certificates;
  let server: Metadata;
  beforeAll(async () => {
    google = await startCertificates();
    server = await startMetadata(email, { issuer: google });
  });
  afterAll(async () => void (await Promise.all([server.close(), google.close()])));
  beforeEach(() => {
    for (const [name, value] of Object.entries(server.env)) vi.stubEnv(name, value);
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    server.reset();
  });

  const get = (path: string, headers: Record<string, string> = { "metadata-flavor": "Google" }) =>
    fetch(`${server.url}${root}${path}`, { headers });

  test.each([
    ["/instance/service-accounts/default/email", email],
    ["/instance/service-accounts/", `default/\n${email}/\n`],
    ["/project/project-id", "cloudact-testing-1"],
    ["/project/numeric-project-id", "123456789012"],
    ["/universe/universe-domain", "googleapis.com"],
    ["/instance/region", "projects/123456789012/regions/us-central1"],
  ])("answers %s as Google's, and says that it is Google's", async (path, body) => {
    const answer = await get(path);
    expect([answer.status, answer.headers.get("metadata-flavor"), await answer.text()]).toEqual([200, "Google", body]);
  });

  test("gives access tokens that name the service account and nothing else", async () => {
    const answer = await get("/instance/service-accounts/default/token");
    const { access_token, expires_in, token_type } = (await answer.json()) as Record<string, unknown>;
    expect([access_token, expires_in, token_type]).toEqual([benchToken(email), 3_599, "Bearer"]);
    expect(identityOf(`Bearer ${access_token}`)).toBe(email);
  });

  test("answers nobody who does not say Metadata-Flavor: Google", async () => {
    for (const headers of [{}, { "metadata-flavor": "google" }]) {
      const answer = await get("/instance/service-accounts/default/token", headers);
      expect(answer.status).toBe(403);
      expect(await answer.text()).not.toContain("ya29");
    }
  });

  test("knows nothing else", async () => {
    expect((await get("/instance/attributes/ssh-keys")).status).toBe(404);
    expect((await fetch(`${server.url}/`, { headers: { "metadata-flavor": "Google" } })).status).toBe(404);
  });

  test("gives the official client identity tokens that Google's certificates prove", async () => {
    const token = await new Compute().fetchIdToken("https://decrypt.example");
    const keys = createRemoteJWKSet(new URL(google.url));
    const { payload } = await jwtVerify(token, keys, {
      issuer: "https://accounts.google.com",
      audience: "https://decrypt.example",
    });
    expect(payload).toMatchObject({ sub: subjectOf(email), azp: subjectOf(email), email, email_verified: true });
    expect((await get("/instance/service-accounts/default/identity")).status).toBe(400);
  });
});

describe("whose token it is", () => {
  test.each([
    ["nothing", undefined],
    ["no bearer", `Basic ${benchToken(email)}`],
    ["a token of Google's", "Bearer ya29.a0AfB_byC"],
    ["a token of no account", `Bearer ya29.bench.${Buffer.from("nobody").toString("base64url")}`],
    ["undefined, as clients send it where they have none", "Bearer undefined"],
  ])("%s is nobody's", (_, header) => {
    expect(identityOf(header)).toBeNull();
  });
});
