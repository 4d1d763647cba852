import { inspect } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Client, type ClientOptions, createClient, type SetupRequest } from "../../shared/client/client.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { startRelay } from "./relay.ts";

const openai = exampleKeys("OPENAI");
const groq = exampleKeys("GROQ");
let service: Service;
let client: Client;
let key: string;
let org: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  service.simulators.reset();
  count += 1;
  org = `org-${count}`;
  key = await service.orgKey(org);
  client = createClient({ baseUrl: service.base, apiKey: key });
});

const setup = (more: Partial<SetupRequest> = {}) =>
  client.setupIntegration({ orgSlug: org, provider: "groq", credential: groq.good, ...more });
const versions = async () => (await service.send("GET", `/${org}/groq/history`, { key })).body.items?.length ?? 0;

describe("the frontend's actions", () => {
  test("setup proves and stores, and says what was stored", async () => {
    const result = await setup({ credentialName: "Ours", metadata: { team: "finops" }, expiresAt: "2031-05-06" });
    expect(result).toMatchObject({
      success: true,
      provider: "GROQ",
      validationStatus: "VALID",
      credentialId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      message: "Integration configured successfully",
      etag: '"v1"',
    });
    expect(await client.getIntegrationStatus(org, "groq")).toMatchObject({
      success: true,
      etag: '"v1"',
      integration: {
        status: "VALID",
        credential_name: "Ours",
        metadata: { team: "finops" },
        expires_at: "2031-05-06T23:59:59.000Z",
      },
    });
  });

  test("a refused key is a result with the reason and the remedy, and nothing of the key", async () => {
    const result = await setup({ provider: "openai", credential: openai.revoked });
    expect(result).toEqual({
      success: false,
      error: "OpenAI API key is invalid or expired",
      code: "credential_rejected",
      status: 422,
      retryable: false,
      provider: "OPENAI",
      remedy: expect.stringContaining("platform.openai.com"),
      requestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    expect(JSON.stringify(result)).not.toContain(openai.revoked);
  });

  test("a field at fault is named", async () => {
    expect(await setup({ credentialName: "" })).toMatchObject({
      code: "request_malformed",
      errors: [{ field: "/credential_name", message: expect.any(String) }],
    });
  });

  test("a dry run asks the provider, and stores nothing whether the key is good or bad", async () => {
    expect(await setup({ dryRun: true })).toMatchObject({
      success: true,
      dryRun: true,
      validationStatus: "VALID",
      outcome: "valid",
    });
    expect(await setup({ dryRun: true, credential: groq.revoked })).toMatchObject({
      success: false,
      error: "Groq API key is invalid or expired",
      code: "credential_rejected",
      status: 200,
      retryable: false,
      outcome: "rejected",
      remedy: expect.any(String),
    });
    expect(await versions()).toBe(0);
  });

  test("what is stored unproven is pending", async () => {
    expect(await setup({ skipValidation: true })).toMatchObject({ success: true, validationStatus: "PENDING" });
  });

  test("createOnly refuses what exists, ifMatch what has changed", async () => {
    const first = await setup({ createOnly: true });
    expect(await setup({ createOnly: true })).toMatchObject({ code: "already_exists", status: 412 });
    expect(await setup({ ifMatch: '"v7"' })).toMatchObject({ code: "precondition_failed", status: 412 });
    expect(await setup({ ifMatch: first.success && "etag" in first ? `${first.etag}` : "" })).toMatchObject({
      success: true,
    });
  });

  test("validate tells what the provider says, and a bad verdict is a failure with it", async () => {
    await setup();
    expect(await client.validateIntegration(org, "groq")).toMatchObject({
      success: true,
      validationStatus: "VALID",
      message: "Integration validated successfully",
      lastValidatedAt: expect.any(String),
    });
    service.simulators.revoke(groq.good);
    expect(await client.validateIntegration(org, "groq")).toMatchObject({
      success: false,
      error: "Groq API key is invalid or expired",
      code: "credential_rejected",
      validationStatus: "INVALID",
      outcome: "rejected",
    });
  });

  test("an outage at the provider is told at once, since the service has tried again itself", async () => {
    service.simulators.always("GROQ", "outage");
    const before = service.simulators.requests.length;
    expect(await setup()).toMatchObject({ code: "provider_unreachable", status: 502, retryable: true });
    const asked = service.simulators.requests.length - before;
    await service.send("POST", `/${org}/groq/setup`, { key, body: { credential: groq.good } });
    expect(service.simulators.requests.length - before).toBe(2 * asked);
  });

  test("the list has every provider by code, and filters", async () => {
    await setup();
    const all = await client.getIntegrations(org);
    expect(all).toMatchObject({
      success: true,
      org_slug: org,
      all_valid: false,
      all_configured_valid: true,
      providers_configured: ["GROQ"],
      integrations: { GROQ: { status: "VALID" }, OPENAI: { status: "NOT_CONFIGURED" } },
    });
    const some = await client.getIntegrations(org, { category: "genai", configured: true, expiringWithinDays: 30 });
    expect(some).toMatchObject({ success: true, integrations: {} });
  });

  test("update changes what it names; rotate replaces the secret", async () => {
    await setup({ metadata: { team: "finops" } });
    expect(
      await client.updateIntegration({ orgSlug: org, provider: "groq", metadata: { owner: "ann" }, enabled: false }),
    ).toMatchObject({ success: true, message: "Integration updated successfully", etag: '"v2"' });
    expect(await client.rotateIntegration({ orgSlug: org, provider: "groq", credential: groq.another })).toMatchObject({
      success: true,
      message: "Credential rotated successfully",
      etag: '"v3"',
    });
    expect(await client.getIntegrationStatus(org, "groq")).toMatchObject({
      integration: { metadata: { team: "finops", owner: "ann" } },
    });
    expect(
      await client.updateIntegration({ orgSlug: org, provider: "groq", ifMatch: '"v1"', enabled: true }),
    ).toMatchObject({ code: "precondition_failed" });
  });

  test("delete is at once or at a time, and absent is not found", async () => {
    await setup();
    const at = new Date(Date.now() + 86_400_000).toISOString();
    expect(await client.deleteIntegration(org, "groq", { deactivationScheduledAt: at })).toEqual({
      success: true,
      message: "Deletion scheduled",
      deactivationScheduledAt: at,
    });
    expect(await client.deleteIntegration(org, "groq")).toEqual({
      success: true,
      message: "Integration deleted successfully",
    });
    expect(await client.deleteIntegration(org, "groq")).toMatchObject({ code: "not_configured", status: 404 });
  });

  test("an import says how each item ended, and how many did not", async () => {
    const items = [
      { provider: "groq", credential: groq.good, credentialName: "Ours" },
      { provider: "openai", credential: openai.revoked },
    ];
    expect(await client.importIntegrations({ orgSlug: org, items, dryRun: true })).toMatchObject({
      success: false,
      code: "import_incomplete",
      error: "1 of 2 were not accepted",
      dryRun: true,
      results: [{ status: "completed" }, { status: "failed", code: "credential_rejected" }],
    });
    expect(await versions()).toBe(0);
    expect(await client.importIntegrations({ orgSlug: org, items })).toMatchObject({
      success: false,
      error: "1 of 2 were not set up",
      results: [
        { provider: "GROQ", status: "completed" },
        { provider: "OPENAI", status: "failed" },
      ],
    });
    expect(await client.importIntegrations({ orgSlug: org, items: items.slice(0, 1) })).toMatchObject({
      success: true,
      results: [{ index: 0, provider: "GROQ", status: "completed" }],
    });
    expect(await client.importIntegrations({ orgSlug: org, items: [] })).toMatchObject({ code: "request_malformed" });
  });

  test("providers, instructions and history", async () => {
    const providers = await createClient({ baseUrl: service.base }).getProviders();
    expect(providers.success && providers.providers.map(({ code }) => code)).toContain("OPENAI");
    expect(await client.getInstructions(org, "gcp")).toMatchObject({
      success: true,
      instructions: { org_slug: org, provider: "GCP_SA", snippets: expect.any(Array) },
    });
    await setup();
    await client.rotateIntegration({ orgSlug: org, provider: "groq", credential: groq.another });
    const newest = await client.getHistory(org, "groq", { limit: 1 });
    expect(newest).toMatchObject({
      success: true,
      items: [{ type: expect.any(String) }],
      nextCursor: expect.any(String),
    });
    const cursor = newest.success ? (newest.nextCursor ?? "") : "";
    expect(await client.getHistory(org, "groq", { cursor })).toMatchObject({ success: true, nextCursor: null });
  });
});

describe("which key goes along", () => {
  const list = (apiKey: NonNullable<ClientOptions["apiKey"]>) =>
    createClient({ baseUrl: service.base, apiKey }).getIntegrations(org);

  test("a function is asked for the organisation's, each time", async () => {
    const asked: string[] = [];
    const other = await service.orgKey("other");
    const both = createClient({
      baseUrl: service.base,
      apiKey: async (slug) => {
        asked.push(slug);
        return slug === "other" ? other : key;
      },
    });
    expect(await both.getIntegrations(org)).toMatchObject({ success: true });
    expect(await both.getIntegrations("other")).toMatchObject({ success: true });
    expect(asked).toEqual([org, "other"]);
  });

  test.each([
    ["none", () => null],
    ["an empty one", ""],
    ["one with a line feed in it", "cact_local_abc\nX-Other: 1"],
    ["one that the service does not know", "cact_local_000000000000_0"],
  ])("%s is the service's own refusal, and is not repeated", async (_, apiKey) => {
    const result = await list(apiKey);
    expect(result).toMatchObject({ success: false, code: "org_key_invalid", error: "Organization API key not found" });
    expect(JSON.stringify(result)).not.toContain("cact_local");
  });

  test("what the caller's own function throws is thrown", async () => {
    await expect(
      list(() => {
        throw new Error("no session");
      }),
    ).rejects.toThrow("no session");
  });

  test("the variables of the environment stand in for options", async () => {
    const before = { ...process.env };
    Object.assign(process.env, { INTEGRATIONS_URL: service.base, INTEGRATIONS_API_KEY: key });
    try {
      expect(await createClient().getIntegrations(org)).toMatchObject({ success: true, org_slug: org });
    } finally {
      process.env = before;
    }
  });

  test("it is in nothing that the client prints as", () => {
    expect(inspect(client, { depth: 5, showHidden: true }) + JSON.stringify(client)).not.toContain(key);
  });
});

describe("what is not sent", () => {
  test.each([
    ["an organisation that climbs", () => client.getIntegrations(".."), "orgSlug"],
    ["an organisation that is a path", () => client.getIntegrations("a/b"), "orgSlug"],
    ["no provider at all", () => client.deleteIntegration(org, undefined as never), "provider"],
    ["an empty provider", () => client.getIntegrationStatus(org, ""), "provider"],
    ["a header of two lines", () => setup({ ifMatch: '"v1"\r\nx: y' }), "if-match"],
    ["an empty Idempotency-Key", () => setup({ idempotencyKey: "" }), "idempotency-key"],
  ])("%s is malformed, and the field is named", async (_, call, field) => {
    const before = service.output().stderr;
    expect(await call()).toMatchObject({ success: false, code: "request_malformed", status: 0, errors: [{ field }] });
    expect(service.output().stderr).toBe(before);
  });

  test("a provider in upper case is the service's to explain", async () => {
    expect(await client.getIntegrationStatus(org, "OpenAI")).toMatchObject({
      code: "provider_unknown",
      remedy: "Write the provider in lower case: openai",
    });
  });

  test.each([
    ["plain http elsewhere", "http://integrations.example.com/api/v1/integrations"],
    ["http that only looks like this machine", "http://127.0.0.1.example.com/api"],
    ["http that only looks like localhost", "http://localhost.example.com"],
    ["a user and password", "https://ann:hunter2@example.com/api"],
    ["a query", "https://example.com/api?x=hunter2"],
    ["another site's path", "//example.com/api"],
    ["a backslash", "/\\example.com"],
    ["a scheme that is none of the web's", "file:///api"],
    ["a host that is none", "https://[1/api"],
    ["a scheme without slashes", "https:example.com"],
    ["no address", "integrations"],
    ["nothing", ""],
  ])("an address with %s is a mistake of the program, which is thrown and not repeated", (_, baseUrl) => {
    const made = () => createClient({ baseUrl });
    expect(made).toThrow(TypeError);
    expect(made).toThrow(/^createClient: baseUrl must be an https address/);
    expect(made).not.toThrow(/hunter2/);
  });

  test.each([
    "https://example.com",
    "https://example.com/api/v1/integrations/",
    "http://localhost:8000/api",
    "http://[::1]:8000",
    "/api/v1/integrations",
    "HTTPS://Example.com/x",
    "http://LOCALHOST:1",
  ])("%s is taken", (baseUrl) => {
    expect(createClient({ baseUrl })).toHaveProperty("setupIntegration");
  });

  test.each([
    ["https://example.com/x/../y/", "https://example.com/y/providers"],
    ["https://example.com/..", "https://example.com/providers"],
    ["HTTPS://EXAMPLE.com:443/API", "https://example.com/API/providers"],
    ["/x/%2e%2e/y", "/y/providers"],
    [new URL("https://example.com/y"), "https://example.com/y/providers"],
  ])("%s is asked as every browser reads it: %s", async (baseUrl, asked) => {
    const urls: string[] = [];
    const send = async (url: string) => {
      urls.push(url);
      return new Response("");
    };
    await createClient({ baseUrl, fetch: send }).getProviders();
    expect(urls).toEqual([asked]);
  });
});

describe("addresses of the functions", () => {
  test("each call goes to its own function, the rest to baseUrl", async () => {
    const [base, own] = await Promise.all([startRelay(service.base), startRelay(service.base)]);
    const split = createClient({ baseUrl: base.base, urls: { list: `${own.base}/`, setup: own.base }, apiKey: key });
    expect(await split.getIntegrations(org)).toMatchObject({ success: true });
    expect(await split.getProviders()).toMatchObject({ success: true });
    expect(await split.getIntegrationStatus(org, "groq")).toMatchObject({ code: "not_configured" });
    const dry = { orgSlug: org, provider: "groq", credential: groq.good, dryRun: true };
    expect(await split.setupIntegration(dry)).toMatchObject({ success: true });
    const prefix = "/api/v1/integrations";
    expect(own.seen.map(({ path }) => path)).toEqual([
      `${prefix}/${org}`,
      `${prefix}/providers`,
      `${prefix}/${org}/groq/setup?dry_run=true`,
    ]);
    expect(base.seen.map(({ path }) => path)).toEqual([`${prefix}/${org}/groq`]);
    await Promise.all([base.close(), own.close()]);
  });

  test("a function without an address is named", async () => {
    const only = createClient({ urls: { list: service.base }, apiKey: key });
    expect(await only.getIntegrations(org)).toMatchObject({ success: true });
    await expect(only.deleteIntegration(org, "groq")).rejects.toThrow(/urls\.delete is missing/);
  });
});
