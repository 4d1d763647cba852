import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { registry } from "../registry/the-registry.ts";
import { type Service, startService } from "../service/harness.ts";

const templates = registry.entries.filter((entry) => entry.credential_type === "none").map(({ code }) => code);
const PRICE = { unit_price: "19.99", currency: "USD", billing_cycle: "monthly" };
const RUN = { pipeline: "saas.subscription_cost", run_id: "run-1" };
const READY = [{ id: "saas.subscription_cost", ready: true, missing: [] }];
const DAY_MS = 86_400_000;
const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);

let service: Service;
let key: string;
let token: string;
let org: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
  token = await service.token("pipeline");
});
afterAll(async () => {
  expect(service.simulators.requests, "no subscription asks anybody").toEqual([]);
  expect(service.simulators.sinkRequests).toEqual([]);
  await service.close();
});
beforeEach(async () => {
  count += 1;
  org = `org-${count}`;
  key = await service.orgKey(org);
});

const send = (method: string, path: string, body?: unknown) =>
  service.send(method, `/${org}${path}`, { key, ...(body === undefined ? {} : { body }) });
const setup = (provider: string, body: unknown, query = "") => send("POST", `/${provider}/setup${query}`, body);
const template = (metadata: object = {}) => setup("slack", { metadata: { ...PRICE, ...metadata } });
const decrypt = (provider: string, body: object) =>
  service.send("POST", `/${org}/${provider}/decrypt`, { token, body: { ...RUN, ...body } });

test.each(templates)("%s is recorded with price, currency and cycle, and is ready for its pipeline", async (code) => {
  const reply = await setup(code.toLowerCase(), { metadata: PRICE });
  expect(answers.configuredAnswer.parse(reply.body)).toMatchObject({
    provider: code,
    validation_status: "VALID",
    message: "Integration configured successfully",
    pipelines: READY,
    warnings: [],
  });
  expect([reply.status, reply.headers.get("etag")]).toEqual([201, '"v1"']);
  const { body } = await send("GET", `/${code.toLowerCase()}`);
  expect(answers.integrationInfo.parse(body)).toMatchObject({
    category: "saas",
    credential_type: "none",
    fingerprint: null,
    key_version: null,
    metadata: PRICE,
    status: "VALID",
    lifecycle: "active",
  });
});

test("a subscription lives from setup to deletion, each answer as its schema says", async () => {
  const record = {
    ...PRICE,
    plan: "Business+",
    seats: 25,
    renewal_date: day(100),
    notice_period_days: 30,
    tags: ["chat"],
  };
  const created = await setup("slack", { metadata: record, credential_name: "Slack for all" });
  expect(created.status).toBe(201);
  const { body: one } = await send("GET", "/slack");
  expect(answers.integrationInfo.parse(one)).toMatchObject({
    display_name: "Slack",
    credential_name: "Slack for all",
    metadata: record,
    validation: {
      outcome: "valid",
      details: { connection: "none", next_renewal_date: day(100), cancellation_deadline: day(70) },
    },
  });
  const listed = await send("GET", "");
  expect(answers.listAnswer.parse(listed.body)).toMatchObject({
    providers_configured: ["SLACK"],
    all_valid: false,
    all_configured_valid: false,
    integrations: { SLACK: { status: "VALID", pipelines: READY }, NOTION: { status: "NOT_CONFIGURED" } },
  });
  expect(Object.keys((await send("GET", "?category=saas&configured=true")).body.integrations)).toEqual(["SLACK"]);

  const validated = await send("POST", "/slack/validate");
  expect(answers.verdictAnswer.parse(validated.body)).toMatchObject({
    success: true,
    outcome: "valid",
    validation_status: "VALID",
    pipelines: READY,
  });

  const changed = await send("PUT", "/slack", { metadata: { seats: 30, tags: null } });
  expect(changed.body).toMatchObject({ message: "Integration updated successfully", validation_status: "VALID" });
  expect(changed.body.credential_id).toBe(created.body.credential_id);
  expect((await send("GET", "/slack")).body.metadata).toEqual({ ...record, seats: 30, tags: undefined });

  expect((await send("PUT", "/slack", { enabled: false })).status).toBe(200);
  expect((await send("GET", "/slack")).body).toMatchObject({ enabled: false, lifecycle: "disabled", status: "VALID" });
  expect((await send("PUT", "/slack", { enabled: true })).status).toBe(200);

  const replaced = await setup("slack", { metadata: { seats: 31 } });
  expect([replaced.status, replaced.headers.get("etag")]).toEqual([200, '"v5"']);
  expect((await send("GET", "/slack")).body).toMatchObject({
    credential_name: "Slack for all",
    metadata: { ...PRICE, plan: "Business+", seats: 31 },
  });

  const history = await send("GET", "/slack/history");
  expect(answers.historyAnswer.parse(history.body).items.map(({ type }) => type)).toEqual([
    "setup",
    "enable",
    "disable",
    "update",
    "setup",
  ]);

  const scheduled = await send("DELETE", `/slack?deactivation_scheduled_at=${day(9)}`);
  expect([scheduled.status, scheduled.body.message]).toEqual([202, "Deletion scheduled"]);
  expect((await send("PUT", "/slack", { deactivation_scheduled_at: null })).status).toBe(200);
  expect((await send("DELETE", "/slack")).body).toEqual({
    success: true,
    message: "Integration deleted successfully",
  });
  expect(await send("GET", "/slack")).toMatchObject({ status: 404, body: { error: "Slack is not configured" } });
});

describe("a custom subscription", () => {
  test("needs a name, a price and a cycle, and is listed by its name as written", async () => {
    const body = { credential_name: "Miró – Équipe", metadata: { unit_price: "12", billing_cycle: "annual" } };
    const created = await setup("custom-miro", body);
    expect([created.status, created.body.provider]).toEqual([201, "custom-miro"]);
    expect(created.body).toMatchObject({
      validation_status: "VALID",
      pipelines: [{ id: "saas.subscription_cost", ready: false, missing: ["currency_known"] }],
    });
    const { body: one } = await send("GET", "/custom-miro");
    expect(answers.integrationInfo.parse(one)).toMatchObject({
      provider: "custom-miro",
      display_name: "Miró – Équipe",
      credential_name: "Miró – Équipe",
      category: "saas",
      metadata: body.metadata,
    });
    expect(answers.listAnswer.parse((await send("GET", "")).body)).toMatchObject({
      integrations: { "custom-miro": { display_name: "Miró – Équipe", status: "VALID" } },
      providers_configured: ["custom-miro"],
    });
    await send("PUT", "/custom-miro", { credential_name: "Miro", metadata: { currency: "EUR" } });
    expect((await send("GET", "/custom-miro")).body).toMatchObject({ display_name: "Miro", pipelines: READY });
    expect((await setup("custom-miro", { metadata: { seats: 4 } })).status, "the name is kept").toBe(200);
    expect((await send("DELETE", "/custom-miro")).status).toBe(200);
    expect(Object.keys((await send("GET", "")).body.integrations)).not.toContain("custom-miro");
    expectProblem(await setup("custom-miro", { metadata: PRICE }), 400, "request_malformed");
  });
  test.each([
    ["no name", { metadata: PRICE }, "/credential_name"],
    ["a blank name", { credential_name: "  ", metadata: PRICE }, "/credential_name"],
    ["no metadata", { credential_name: "A" }, "/metadata/unit_price"],
    ["no cycle", { credential_name: "A", metadata: { unit_price: "1" } }, "/metadata/billing_cycle"],
  ])("with %s is refused", async (_, body, field) => {
    for (const query of ["", "?dry_run=true"]) {
      const reply = await setup("custom-a", body, query);
      expectProblem(reply, 400, "request_malformed");
      expect(reply.body.errors[0].field).toBe(field);
    }
    expect((await send("GET", "/custom-a")).status).toBe(404);
  });
  test("cannot lose its name", async () => {
    await setup("custom-a", { credential_name: "A", metadata: PRICE });
    expectProblem(await send("PUT", "/custom-a", { credential_name: " " }), 400, "request_malformed");
  });
  test("has no pattern of its own to set up", async () => {
    expectProblem(await setup("custom", { credential_name: "A", metadata: PRICE }), 404, "provider_unknown");
  });
});

describe("what a record may be:", () => {
  test.each<[string, object, string, RegExp]>([
    ["a price as a JSON number", { unit_price: 19.99 }, "unit_price", /as text/],
    ["a price with a comma", { unit_price: "19,99" }, "unit_price", /as text/],
    ["a price with a currency in it", { unit_price: "$19.99" }, "unit_price", /as text/],
    ["a negative price", { unit_price: "-1" }, "unit_price", /as text/],
    ["a currency that is none", { currency: "EURO" }, "currency", /GET \/providers/],
    ["a currency in lower case", { currency: "usd" }, "currency", /GET \/providers/],
    ["another cycle", { billing_cycle: "fortnightly" }, "billing_cycle", /one of: monthly, /],
    ["no seats", { seats: 0 }, "seats", /at least 1/],
    ["half a seat", { seats: 1.5 }, "seats", /whole number/],
    ["seats as text", { seats: "5" }, "seats", /whole number/],
    ["per seat without seats", { billing_model: "per_seat" }, "seats", /per seat/],
    ["a day that is none", { renewal_date: "2026-02-29" }, "renewal_date", /YYYY-MM-DD/],
    ["a time", { renewal_date: "2026-02-20T00:00:00Z" }, "renewal_date", /YYYY-MM-DD/],
    ["an end before the start", { start_date: "2026-02-02", end_date: "2026-02-01" }, "end_date", /before start_date/],
    ["a renewal before the start", { start_date: "2026-02-02", renewal_date: "2026-02-01" }, "renewal_date", /before/],
    ["a term shorter than the cycle", { billing_cycle: "annual", term: "monthly" }, "term", /shorter/],
    ["negative notice", { notice_period_days: -1 }, "notice_period_days", /at least 0/],
    ["renewing as text", { auto_renew: "false" }, "auto_renew", /true or false/],
    ["an invoice that is not https", { invoice_url: "http://billing.example.com/1" }, "invoice_url", /form/],
    [
      "an invoice with a password in it",
      { invoice_url: "https://me:hunter2@billing.example.com/1" },
      "invoice_url",
      /form/,
    ],
    ["an invoice that is a script", { invoice_url: "javascript:alert(1)" }, "invoice_url", /form/],
    ["a secret in a text", { plan: `ghp_${"a1".repeat(18)}` }, "plan", /looks like a secret/],
    ["a secret in a tag", { tags: ["ok", `ghp_${"a1".repeat(18)}`] }, "tags", /looks like a secret/],
    ["a removed price", { unit_price: null }, "unit_price", /is missing/],
  ])("%s is refused by its field", async (_, metadata, name, message) => {
    const reply = await template(metadata);
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toEqual([{ field: `/metadata/${name}`, message: expect.stringMatching(message) }]);
    for (const value of Object.values(metadata))
      if (typeof value === "string" && value.length > 6)
        expect(reply.text).not.toContain(JSON.stringify(value).slice(1, -1));
    expect((await send("GET", "/slack")).status).toBe(404);
    await template();
    const changed = await send("PUT", "/slack", { metadata });
    expectProblem(changed, 400, "request_malformed");
    expect(changed.body.errors[0].field).toBe(`/metadata/${name}`);
    expect((await send("GET", "/slack")).body.metadata).toEqual(PRICE);
  });
  test("a price as a number is refused with the remedy to send text", async () => {
    expect((await template({ unit_price: 19.99 })).body.remedy).toMatch(/in quotes.*"19\.99"/);
  });
  test("all that is wrong is said at once", async () => {
    const reply = await setup("slack", { metadata: { seats: 0, currency: "X", end_date: "soon" } });
    expect(reply.body.errors.map(({ field }: { field: string }) => field)).toEqual([
      "/metadata/seats",
      "/metadata/currency",
      "/metadata/end_date",
    ]);
    expect((await setup("slack", {})).body.errors.map(({ field }: { field: string }) => field)).toEqual([
      "/metadata/unit_price",
      "/metadata/currency",
      "/metadata/billing_cycle",
    ]);
  });
  test.each([
    ["a free plan", { unit_price: "0" }],
    ["a part of a cent", { unit_price: "0.000125" }],
    [
      "everything",
      {
        plan: "Enterprise Grid",
        unit_price: "999999999999.999999",
        currency: "JPY",
        billing_cycle: "quarterly",
        term: "annual",
        billing_model: "per_seat",
        seats: 1200,
        start_date: "2024-02-29",
        renewal_date: "2027-02-28",
        auto_renew: true,
        notice_period_days: 90,
        price_as_of: "2026-01-01",
        invoice_url: "https://invoice.stripe.com/i/acct_1032D82eZvKYlo2C/live_YWNjdF8xMDMyRDgyZVp2S1lsbzJDLF9TZ?s=ap",
        owner: "ada@example.com",
        cost_center: "4711",
        tags: ["chat"],
      },
    ],
  ])("%s is taken as it is written", async (_, metadata) => {
    expect((await template(metadata)).status).toBe(201);
    expect((await send("GET", "/slack")).body.metadata).toEqual({ ...PRICE, ...metadata });
  });
  test("a notice period beyond the term is taken with a warning that says what to do", async () => {
    const reply = await template({ notice_period_days: 60 });
    expect([reply.status, reply.body.warnings]).toEqual([201, ["notice_longer_than_term"]]);
    const validated = await send("POST", "/slack/validate");
    expect(validated.body).toMatchObject({ success: true, reason: "notice_longer_than_term" });
    expect(validated.body.remedy).toMatch(/term/);
    expect((await send("PUT", "/slack", { metadata: { term: "annual" } })).body.warnings).toEqual([]);
    const changed = await send("PUT", "/slack", { metadata: { term: null } });
    expect(changed.body.warnings).toEqual(["notice_longer_than_term"]);
  });
});

test.each(["slack", "custom-x", "openai", "groq"])("metadata cannot name a host of %s", async (segment) => {
  for (const name of ["token_uri", "endpoint", "base_url", "universe_domain"]) {
    const reply = await send("PUT", `/${segment}`, { metadata: { [name]: "https://evil.example" } });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toEqual([{ field: "/metadata", message: expect.stringMatching(/^takes only: .*tags$/) }]);
    expect(reply.text).not.toMatch(/evil/);
  }
});

describe("there is no credential:", () => {
  test.each([
    ["a text", "sk-hunter2-0000000000"],
    ["an object", { api_key: "sk-hunter2-0000000000" }],
  ])("%s is refused on every route that takes one", async (_, credential) => {
    await template();
    const replies = [
      await setup("slack", { credential, metadata: PRICE }),
      await setup("slack", { credential, metadata: PRICE }, "?dry_run=true"),
      await setup("custom-a", { credential, credential_name: "A", metadata: PRICE }),
      await send("PUT", "/slack", { credential }),
      await send("POST", "/slack/rotate", { new_credentials: credential }),
    ];
    for (const reply of replies) {
      expectProblem(reply, 400, "request_malformed");
      expect(reply.body.errors[0]).toMatchObject({
        field: "/credential",
        message: expect.stringContaining("not taken"),
      });
      expect(reply.text).not.toContain("hunter2");
    }
    expect((await send("GET", "/slack")).headers.get("etag")).toBe('"v1"');
  });
  test("decrypt hands out the record, as none alone", async () => {
    await service.grant("pipeline", [org]);
    const record = { ...PRICE, seats: 3 };
    await template(record);
    for (const as of ["secret", "token", undefined]) {
      const reply = await decrypt("slack", as ? { as } : {});
      expectProblem(reply, 400, "request_malformed");
      expect(reply.body.errors[0].field).toBe("/as");
    }
    const { status, body } = await decrypt("slack", { as: "none" });
    expect(status).toBe(200);
    expect(answers.decryptAnswer.parse(body)).toMatchObject({
      provider: "SLACK",
      credential_type: "none",
      credential: null,
      metadata: record,
      fingerprint: null,
      key_version: null,
      validation_status: "VALID",
      pipelines: READY,
    });
    expectProblem(await decrypt("slack", { as: "none", pipeline: "genai.payg_usage" }), 400, "request_malformed");
    expectProblem(await decrypt("notion", { as: "none" }), 404, "not_configured");
    await send("PUT", "/slack", { enabled: false });
    await service.freshDecrypt();
    const disabled = await decrypt("slack", { as: "none" });
    expectProblem(disabled, 409, "credential_not_usable");
    expect(disabled.body).toMatchObject({ reason: "disabled", error: "The subscription cannot be used" });
  });
});

test("a dry run says what would be, and stores nothing", async () => {
  const good = await setup("slack", { metadata: { ...PRICE, renewal_date: day(10) } }, "?dry_run=true");
  expect(answers.verdictAnswer.parse(good.body)).toMatchObject({
    success: true,
    validation_status: "VALID",
    details: { next_renewal_date: day(10) },
    dry_run: true,
  });
  const over = await setup("slack", { metadata: { ...PRICE, end_date: day(-1) } }, "?dry_run=true");
  expect(over).toMatchObject({
    status: 200,
    body: { success: false, outcome: "expired", validation_status: "EXPIRED" },
  });
  expect((await send("GET", "")).body.providers_configured).toEqual([]);
});

test("subscriptions and keys are imported together", async () => {
  const items = [
    { provider: "slack", metadata: PRICE },
    { provider: "custom-miro", credential_name: "Miro", metadata: PRICE },
    { provider: "custom-nameless", metadata: PRICE },
    { provider: "figma", credential: "figd_hunter2000000000", metadata: PRICE },
    { provider: "canva", metadata: { ...PRICE, unit_price: 5 } },
    { provider: "notion", metadata: { ...PRICE, end_date: day(-3) } },
  ];
  const reply = await send("POST", "/import", { items });
  expect(answers.importAnswer.parse(reply.body).results).toMatchObject([
    { provider: "SLACK", status: "completed" },
    { provider: "custom-miro", status: "completed" },
    { provider: "custom-nameless", status: "failed", errors: [{ field: "/items/2/credential_name" }] },
    { provider: "FIGMA", status: "failed", errors: [{ field: "/items/3/credential" }] },
    {
      provider: "CANVA",
      status: "failed",
      errors: [{ field: "/items/4/metadata/unit_price" }],
      remedy: expect.any(String),
    },
    { provider: "NOTION", status: "completed" },
  ]);
  expect(reply.text).not.toContain("hunter2");
  expect((await send("GET", "?configured=true")).body.integrations).toMatchObject({
    SLACK: { status: "VALID", credential_name: "Slack subscription" },
    "custom-miro": { status: "VALID", display_name: "Miro" },
    NOTION: { status: "EXPIRED", lifecycle: "expired", expires_at: `${day(-3)}T23:59:59.000Z` },
  });
});

test("every way in, told apart in the audit, leaves the record's values out of it", async () => {
  const marker = "Hunter Two Plan";
  await template({ plan: marker });
  await send("PUT", "/slack", { metadata: { plan: `${marker} 2` } });
  const audit = JSON.stringify(await service.audit());
  expect(audit).toContain(`"org_slug":"${org}"`);
  expect(audit + service.output().stdout + service.output().stderr).not.toContain(marker);
});

test("after its end a subscription is EXPIRED for everybody, and a later end brings it back", async () => {
  await service.grant("pipeline", [org], ["*"], { expires_at: new Date(Date.now() + 90 * DAY_MS).toISOString() });
  await template({ end_date: day(2), auto_renew: false });
  await setup("custom-a", { credential_name: "A", metadata: { ...PRICE, renewal_date: day(2), auto_renew: false } });
  await setup("notion", { metadata: { ...PRICE, renewal_date: day(2) } });
  expect((await send("GET", "?expiring_within=7d")).body.integrations).toMatchObject({
    SLACK: { status: "VALID", expires_at: `${day(2)}T23:59:59.000Z` },
    "custom-a": { status: "VALID" },
  });
  const later = await startService({
    home: service.home,
    simulators: service.simulators,
    env: { INTEGRATIONS_CLOCK_OFFSET_S: String(3 * 86_400) },
  });
  const then = (method: string, path: string, body?: unknown) =>
    later.send(method, `/${org}${path}`, { key, ...(body === undefined ? {} : { body }) });
  try {
    const { integrations } = (await then("GET", "")).body;
    expect(integrations).toMatchObject({
      SLACK: { status: "EXPIRED", lifecycle: "expired", pipelines: [{ ready: false, missing: ["record_current"] }] },
      "custom-a": { status: "EXPIRED" },
      NOTION: { status: "VALID" },
    });
    const refused = await later.send("POST", `/${org}/slack/decrypt`, {
      token: await later.token("pipeline"),
      body: { ...RUN, as: "none" },
    });
    expectProblem(refused, 409, "credential_not_usable");
    expect(refused.body).toMatchObject({ reason: "expired", remedy: expect.stringContaining("renewal_date") });
    expect(refused.text).not.toMatch(/rotate|\bkey\b/);
    expect((await then("POST", "/slack/validate")).body).toMatchObject({
      success: false,
      outcome: "expired",
      validation_status: "EXPIRED",
      message: "The subscription has ended",
    });
    const changed = await then("PUT", "/slack", { metadata: { end_date: day(400) } });
    expect(changed.body).toMatchObject({ validation_status: "VALID", pipelines: READY });
    expect((await then("GET", "/slack")).body).toMatchObject({
      status: "VALID",
      expires_at: `${day(400)}T23:59:59.000Z`,
    });
  } finally {
    await later.close();
  }
});
