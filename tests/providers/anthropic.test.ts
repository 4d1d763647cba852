import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import { adminKeys, entryOf, fakeKey } from "../registry/the-registry.ts";
import { exampleKey, exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { type Answer, credentialOf, federation, headersOf, nobody, reply, timedOut, urlsOf } from "./desk.ts";
import { never, type PathAnswer, probeByPath, together } from "./desk-by-path.ts";

const KEY = fakeKey("ANTHROPIC");
const ADMIN = adminKeys.ANTHROPIC;
const ENTERPRISE = `sk-ant-api01-${"p5".repeat(46)}xAA`;
const BASE = "https://api.anthropic.com";

const MODELS = "/v1/models";
const ORGANIZATION = "/v1/organizations/me";
const COSTS = "/v1/organizations/cost_report";
const USAGE = "/v1/organizations/usage_report/messages";
const KEYS = "/v1/organizations/api_keys";
const ANALYTICS_COST = "/v1/organizations/analytics/cost";
const ANALYTICS_USAGE = "/v1/organizations/analytics/usage";

const models = reply(200, {
  data: [{ id: "claude", type: "model" }],
  has_more: true,
  first_id: "claude",
  last_id: "claude",
});
const organization = reply(200, { id: "0a0a-0b0b", type: "organization", name: "Acme" });
const report = reply(200, { data: [], has_more: false, next_page: null });

function refusal(
  status: number,
  type: string,
  message = "…",
  errorCode?: string,
  headers: Record<string, string> = {},
): Answer {
  const details = errorCode === undefined ? {} : { details: { error_code: errorCode } };
  return reply(status, { type: "error", error: { type, message, ...details }, request_id: "req_body" }, headers);
}

const unexpected = { outcome: "unreachable", reason: "unexpected_response" };

describe("ANTHROPIC answers an API key with", () => {
  test.each<[string, Answer, object]>([
    ["200 and a list", models, { outcome: "valid", reason: null, warnings: [] }],
    ["200, a captive portal", reply(200, "<html>"), { outcome: "unreachable", reason: "unexpected_response" }],
    ["200 and another shape", organization, { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "401",
      refusal(401, "authentication_error", "invalid x-api-key"),
      { outcome: "rejected", provider_code: "authentication_error", provider_request_id: "req_body" },
    ],
    [
      "401 because of the browser it takes us for",
      refusal(401, "authentication_error", "CORS requests are not allowed for this Organization"),
      { outcome: "service_misconfigured", reason: "cors" },
    ],
    ["401 of another type", refusal(401, "permission_error"), unexpected],
    ["401 without the mark", reply(401, { error: { type: "authentication_error", message: "x" } }), unexpected],
    ["401, an empty object", reply(401, {}), unexpected],
    ["401, an empty array", reply(401, []), unexpected],
    ["401, a gateway's word", reply(401, { message: "Unauthorized" }), unexpected],
    ["401, a gateway's refusal", reply(401, { error: "invalid x-api-key" }), unexpected],
    ["401, an outage", reply(401, { error: "service temporarily unavailable" }), unexpected],
    ["402 without the mark", reply(402, { error: { type: "billing_error" } }), unexpected],
    ["403 without the mark", reply(403, { error: { type: "permission_error" } }), unexpected],
    ["400, anybody's limits", refusal(400, "invalid_request_error", "Proxy usage limits"), unexpected],
    ["404 without the mark", reply(404, { error: { type: "not_found_error" } }), unexpected],
    [
      "400, its creator has left",
      refusal(400, "invalid_request_error", "…", "claude_code_key_creator_not_member"),
      { outcome: "rejected", reason: "creator_left" },
    ],
    [
      "400, on hold",
      refusal(400, "invalid_request_error", "…", "organization_on_hold"),
      { outcome: "forbidden", reason: "account_on_hold" },
    ],
    [
      "400, our version header",
      refusal(400, "invalid_request_error", "anthropic-version: header is required"),
      { outcome: "service_misconfigured", reason: "api_version" },
    ],
    [
      "400, spend limit",
      refusal(400, "invalid_request_error", "You have reached your specified API usage limits."),
      { outcome: "valid", reason: "billing" },
    ],
    [
      "400, something new",
      refusal(400, "invalid_request_error", "Something new"),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["402", refusal(402, "billing_error"), { outcome: "valid", reason: "billing", warnings: ["billing"] }],
    ["403, no permission", refusal(403, "permission_error"), { outcome: "forbidden", reason: "missing_scope" }],
    [
      "403, egress",
      refusal(403, "permission_error", "…", "sandbox_egress_restricted"),
      { outcome: "forbidden", reason: "ip_allowlist" },
    ],
    [
      "403, the edge",
      reply(403, { error: { type: "forbidden", message: "Request not allowed" } }),
      { outcome: "unreachable", reason: "region_blocked" },
    ],
    [
      "429 with a wait",
      refusal(429, "rate_limit_error", "…", undefined, { "retry-after": "12" }),
      { outcome: "rate_limited", retry_after_s: 12 },
    ],
    [
      "429 for weeks",
      refusal(429, "rate_limit_error", "…", "contract_spend_limit_reached", { "retry-after": "1209600" }),
      { outcome: "rate_limited", retry_after_s: 900 },
    ],
    ["500", refusal(500, "api_error"), { outcome: "unreachable", reason: "unavailable" }],
    ["504", refusal(504, "timeout_error"), { outcome: "unreachable", reason: "unavailable" }],
    ["529", refusal(529, "overloaded_error"), { outcome: "unreachable", reason: "unavailable" }],
    [
      "302",
      reply(302, "", { location: "https://evil.example" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["silence", timedOut, { outcome: "unreachable", reason: "connection" }],
  ])("%s on models: that decides, whatever the reports answer", async (_, answer, finding) => {
    for (const other of [report, refusal(401, "authentication_error"), timedOut]) {
      const { found, sent } = await probeByPath("ANTHROPIC", KEY, { [MODELS]: answer, [COSTS]: other, [USAGE]: other });
      expect(found).toMatchObject(finding);
      expect(urlsOf(sent).sort()).toEqual([
        `GET ${BASE}/v1/models?limit=1`,
        `GET ${BASE}${COSTS}?starting_at=2026-11-19T00%3A00%3A00.000Z&limit=1`,
        `GET ${BASE}${USAGE}?starting_at=2026-11-19T00%3A00%3A00.000Z&bucket_width=1d&limit=1`,
      ]);
    }
  });

  test("a refusal on models: the reports are not waited for", async () => {
    const dead = refusal(401, "authentication_error", "invalid x-api-key");
    const { found } = await probeByPath("ANTHROPIC", KEY, { [MODELS]: dead, [COSTS]: never, [USAGE]: never });
    expect(found).toMatchObject({ outcome: "rejected", capabilities: [] });
  });
  test("everything at the same time", async () => {
    const held = together(3);
    const { found } = await probeByPath("ANTHROPIC", KEY, {
      [MODELS]: held(models),
      [COSTS]: held(report),
      [USAGE]: held(report),
    });
    expect(found.outcome).toBe("valid");
  });

  const modelsOnly = (...answers: PathAnswer[]) => probeByPath("ANTHROPIC", KEY, { [MODELS]: answers });
  const countOf = (sent: readonly Request[]): number => sent.filter(({ url }) => url.includes(MODELS)).length;
  test("404, asked once more: still not found is dead", async () => {
    const { found, sent } = await modelsOnly(refusal(404, "not_found_error"));
    expect(found).toMatchObject({ outcome: "rejected" });
    expect(countOf(sent)).toBe(2);
  });
  test("404 of another kind: unexpected", async () => {
    const { found, sent } = await modelsOnly(reply(404, { error: "no such page" }));
    expect(found).toMatchObject(unexpected);
    expect(countOf(sent)).toBe(1);
  });
  test("not_found_error with another status: no second question", async () => {
    const { found, sent } = await modelsOnly(refusal(400, "not_found_error"));
    expect(found).toMatchObject(unexpected);
    expect(countOf(sent)).toBe(1);
  });
  test("404, then 200: unexpected rather than valid", async () => {
    const { found } = await modelsOnly(refusal(404, "not_found_error"), models);
    expect(found).toMatchObject(unexpected);
  });

  const needed = { state: "denied", reason: "admin_key_needed", remedy: expect.stringMatching(/admin-keys/) };
  const granted = { state: "granted" };
  test.each<[string, PathAnswer, object, string[]]>([
    ["401, as workspace keys may be told", refusal(401, "authentication_error", "invalid x-api-key"), needed, []],
    ["403, as workspace keys may be told", refusal(403, "permission_error"), needed, []],
    [
      "400, an individual's account",
      refusal(400, "invalid_request_error", "…", "organization_type_not_supported"),
      { state: "denied", reason: "organization_type", remedy: expect.stringMatching(/Individual accounts/) },
      [],
    ],
    ["200, as keys without a workspace may be told", report, granted, []],
    ["200 and no page", reply(200, { data: [] }), { state: "unknown", reason: "unexpected_response" }, []],
    ["404", refusal(404, "not_found_error"), { state: "unknown", reason: "not_found" }, []],
    ["529", refusal(529, "overloaded_error"), { state: "unknown", reason: "unavailable" }, []],
    ["402", refusal(402, "billing_error"), { state: "unknown", reason: "billing" }, ["billing"]],
    ["silence", timedOut, { state: "unknown", reason: "connection" }, []],
  ])(
    "a list of models, and on a report %s: live, and that capability as it is",
    async (_, answer, capability, warnings) => {
      const { found } = await probeByPath("ANTHROPIC", KEY, { [MODELS]: models, [COSTS]: answer, [USAGE]: report });
      expect(found).toMatchObject({ outcome: "valid", reason: null, warnings });
      expect(found.capabilities).toEqual([
        { id: "models_read", ...granted },
        { id: "usage_read", ...granted },
        { id: "cost_read", ...capability },
      ]);
    },
  );
  test("nothing that we sent besides the key and the version", async () => {
    const { sent } = await modelsOnly(models);
    for (const request of sent) {
      expect(headersOf(request)).toEqual({
        accept: "application/json",
        "anthropic-version": "2026-10-21",
        authorization: `Bearer ${KEY}`,
        "user-agent": expect.stringMatching(/^CloudAct\//),
      });
    }
  });
});

describe("ANTHROPIC answers an admin key with", () => {
  const none = reply(200, { data: [], has_more: false, first_id: null, last_id: null });
  const admin = (answers: Record<string, PathAnswer | PathAnswer[]>) =>
    probeByPath("ANTHROPIC", ADMIN, {
      [ORGANIZATION]: organization,
      [COSTS]: report,
      [USAGE]: report,
      [KEYS]: none,
      ...answers,
    });

  test("organization, costs and usage, asked at the same time: ready for cost pipelines", async () => {
    const held = together(4);
    const { found, sent } = await admin({
      [ORGANIZATION]: held(organization),
      [COSTS]: held(report),
      [USAGE]: held(report),
      [KEYS]: held(none),
    });
    expect(found).toMatchObject({
      outcome: "valid",
      reason: null,
      warnings: [],
      expires_at: null,
      capabilities: [
        { id: "cost_read", state: "granted" },
        { id: "usage_read", state: "granted" },
      ],
    });
    expect(urlsOf(sent).sort()).toEqual([
      `GET ${BASE}/v1/organizations/api_keys?status=active&limit=100`,
      `GET ${BASE}/v1/organizations/cost_report?starting_at=2026-11-19T00%3A00%3A00.000Z&limit=1`,
      `GET ${BASE}/v1/organizations/me`,
      `GET ${BASE}/v1/organizations/usage_report/messages?starting_at=2026-11-19T00%3A00%3A00.000Z&bucket_width=1d&limit=1`,
    ]);
    expect(new Set(sent.map((request) => request.headers.get("authorization")))).toEqual(new Set([`Bearer ${ADMIN}`]));
  });

  test.each<[string, Answer, object]>([
    [
      "another kind of account",
      refusal(400, "invalid_request_error", "…", "organization_type_not_supported"),
      { outcome: "forbidden", reason: "organization_type" },
    ],
    ["401", refusal(401, "authentication_error"), { outcome: "rejected", capabilities: [] }],
    ["429", refusal(429, "rate_limit_error"), { outcome: "rate_limited" }],
    ["200 that is no organization", reply(200, { id: "x", type: "error" }), unexpected],
    ["200 and a page", report, unexpected],
    ["silence", timedOut, { outcome: "unreachable", reason: "connection" }],
  ])("%s: that decides, whatever the other answers are, and they are not waited for", async (_, answer, finding) => {
    for (const other of [never, report, refusal(401, "authentication_error")])
      expect(
        (await admin({ [ORGANIZATION]: answer, [COSTS]: other, [USAGE]: other, [KEYS]: other })).found,
      ).toMatchObject(finding);
  });

  const notFound = refusal(404, "not_found_error");
  test.each<[string, Answer, object]>([
    ["404, and no models either: dead", notFound, { outcome: "rejected", reason: null }],
    ["404, but models: unexpected", models, unexpected],
    // Models are not for admin keys, so this may be said to a live one.
    ["404, and 401 for models: unexpected", refusal(401, "authentication_error"), unexpected],
    ["404, and 403 for models: unexpected", refusal(403, "permission_error"), unexpected],
    ["404, and a limit on models: limited", refusal(429, "rate_limit_error"), { outcome: "rate_limited" }],
  ])("%s", async (_, answer, finding) => {
    expect((await admin({ [ORGANIZATION]: notFound, [MODELS]: answer })).found).toMatchObject(finding);
  });

  test.each<[string, Answer, object, string[]]>([
    [
      "no permission",
      refusal(403, "permission_error"),
      { state: "denied", reason: "missing_scope", remedy: entryOf("ANTHROPIC").reasons["missing_scope"] },
      [],
    ],
    ["an outage", refusal(529, "overloaded_error"), { state: "unknown", reason: "unavailable" }, []],
    ["a captive portal", reply(200, "<html>"), { state: "unknown", reason: "unexpected_response" }, []],
    ["an empty purse", refusal(402, "billing_error"), { state: "unknown", reason: "billing" }, ["billing"]],
  ])("organization, but for costs %s", async (_, costs, capability, warnings) => {
    const { found } = await admin({ [COSTS]: costs });
    expect(found).toMatchObject({ outcome: "valid", reason: null, warnings });
    expect(found.capabilities).toEqual([
      { id: "cost_read", ...capability },
      { id: "usage_read", state: "granted" },
    ]);
  });

  const kind = "sk-ant-admin01-".length;
  const own = {
    id: "apikey_own",
    status: "active",
    partial_key_hint: `${ADMIN.slice(0, kind + 3)}...${ADMIN.slice(-4)}`,
    expires_at: "2027-01-15T08:00:00Z",
  };
  const other = {
    ...own,
    id: "apikey_other",
    partial_key_hint: "sk-ant-api03-R2D...igAA",
    expires_at: "2027-02-01T00:00:00Z",
  };
  const keysOf = (more: boolean, ...keys: object[]): Answer =>
    reply(200, { data: keys, has_more: more, first_id: null, last_id: null });
  const expiryOf = async (...pages: Answer[]): Promise<{ expiry: string | null; asked: string[] }> => {
    const { found, sent } = await admin({ [KEYS]: pages });
    expect(found.outcome).toBe("valid");
    const asked = sent.map(({ url }) => new URL(url)).filter(({ pathname }) => pathname === KEYS);
    return { expiry: found.expires_at, asked: asked.map(({ search }) => search) };
  };
  const OWN_EXPIRY = "2027-01-15T08:00:00.000Z";
  test.each<[string, Answer, string | null]>([
    ["this key, were admin keys listed", keysOf(false, other, own), OWN_EXPIRY],
    ["nothing, were they not", keysOf(false, other), null],
    ["nothing where two fit", keysOf(false, own, { ...own, id: "apikey_twin" }), null],
    [
      "nothing where no more than the kind is shown",
      keysOf(false, { ...own, partial_key_hint: `${ADMIN.slice(0, kind)}...${ADMIN.slice(-4)}` }),
      null,
    ],
    ["nothing where there is no hint", keysOf(false, { ...own, partial_key_hint: null }), null],
    ["nothing where it never expires", keysOf(false, { ...own, expires_at: null }), null],
    [
      "nothing where the time has passed, since the key works",
      keysOf(false, { ...own, expires_at: "2026-11-19T00:00:00Z" }),
      null,
    ],
    ["nothing from what is no time", keysOf(false, { ...own, expires_at: "soon" }), null],
    ["nothing from a never", keysOf(false, { ...own, expires_at: "9999-12-31T23:59:59-12:00" }), null],
    ...(["expired", "inactive", "archived"] as const).map((status): [string, Answer, string | null] => [
      `this key and not of one that is ${status}`,
      keysOf(false, { ...own, id: "apikey_old", status, expires_at: "2027-03-01T00:00:00Z" }, own),
      OWN_EXPIRY,
    ]),
    ["nothing from one that is expired alone", keysOf(false, { ...own, status: "expired" }), null],
    ["nothing where keys may not be listed", refusal(403, "permission_error"), null],
    ["nothing from silence", timedOut, null],
  ])("the expiry of %s", async (_, keys, expiry) => {
    expect((await expiryOf(keys)).expiry).toBe(expiry);
  });
  test("its expiry on a later page, and none from a list without end: three pages, six requests in all", async () => {
    const later = await expiryOf(keysOf(true, other), keysOf(false, own));
    expect(later).toEqual({
      expiry: OWN_EXPIRY,
      asked: ["?status=active&limit=100", "?status=active&limit=100&after_id=apikey_other"],
    });
    const endless = await expiryOf(keysOf(true, own), keysOf(true, other));
    expect(endless.expiry).toBeNull();
    expect(endless.asked).toHaveLength(3);
  });
});

describe("ANTHROPIC answers a Claude Enterprise key with", () => {
  const dead = refusal(401, "authentication_error", "invalid x-api-key");
  const noScope = refusal(403, "permission_error", "…", "api_key_scope_missing");
  const analytics = reply(200, { data: [], has_more: false, next_page: null, data_refreshed_at: null });
  const overloaded = refusal(529, "overloaded_error");
  const notFound = refusal(404, "not_found_error");
  const reason = "analytics_scope_missing";
  const scopeNeeded = { state: "denied", reason, remedy: expect.stringMatching(/read:analytics/) };
  const granted = { state: "granted" };
  const notForModels = { state: "denied", reason: "not_for_models", remedy: expect.any(String) };

  test("costs and usage, asked at the same time with the beta that they belong to", async () => {
    const held = together(3);
    const { found, sent } = await probeByPath("ANTHROPIC", ENTERPRISE, {
      [ANALYTICS_COST]: held(analytics),
      [ANALYTICS_USAGE]: held(analytics),
      [MODELS]: held(models),
    });
    expect(found).toMatchObject({ outcome: "valid", reason: null, warnings: [] });
    expect(
      sent
        .map(({ url }) => new URL(url))
        .map(({ pathname, searchParams }) => [pathname, searchParams.get("starting_at")])
        .sort(),
    ).toEqual([
      [MODELS, null],
      [ANALYTICS_COST, "2026-11-19T00:00:00.000Z"],
      [ANALYTICS_USAGE, "2026-11-19T00:00:00.000Z"],
    ]);
    for (const request of sent) {
      const beta =
        new URL(request.url).pathname === MODELS ? {} : { "anthropic-beta": "analytics-usage-cost-2026-08-24" };
      expect(headersOf(request)).toEqual({
        accept: "application/json",
        "anthropic-version": "2026-10-21",
        authorization: `Bearer ${ENTERPRISE}`,
        "user-agent": expect.stringMatching(/^CloudAct\//),
        ...beta,
      });
    }
  });

  /** Costs, usage, models, and what they mean together. */
  test.each<[string, [PathAnswer, PathAnswer, PathAnswer], object, object[] | null]>([
    ["all of them", [analytics, analytics, models], { outcome: "valid" }, [granted, granted, granted]],
    [
      "costs, and 403 for models",
      [analytics, analytics, noScope],
      { outcome: "valid" },
      [notForModels, granted, granted],
    ],
    ["costs, and 401 for models", [analytics, analytics, dead], { outcome: "valid" }, [notForModels, granted, granted]],
    [
      "costs, and silence for models",
      [analytics, analytics, timedOut],
      { outcome: "valid" },
      [{ state: "unknown" }, granted, granted],
    ],
    ["models without the scope", [noScope, noScope, models], { outcome: "valid" }, [granted, scopeNeeded, scopeNeeded]],
    ["models, and 401 for costs", [dead, dead, models], { outcome: "valid" }, [granted, scopeNeeded, scopeNeeded]],
    [
      "models and an outage",
      [overloaded, overloaded, models],
      { outcome: "valid" },
      [granted, { state: "unknown" }, { state: "unknown" }],
    ],
    ["usage alone", [noScope, analytics, dead], { outcome: "valid" }, [notForModels, granted, scopeNeeded]],
    [
      "an empty purse",
      [refusal(402, "billing_error"), analytics, dead],
      { outcome: "valid", reason: null, warnings: ["billing"] },
      [notForModels, granted, { state: "unknown", reason: "billing" }],
    ],
    [
      "403 everywhere: live and useless",
      [noScope, noScope, noScope],
      { outcome: "forbidden", reason },
      [notForModels, scopeNeeded, scopeNeeded],
    ],
    [
      "403 for costs, 401 for models: live",
      [noScope, noScope, dead],
      { outcome: "forbidden", reason },
      [notForModels, scopeNeeded, scopeNeeded],
    ],
    [
      "401 for costs, 403 for models: live",
      [dead, dead, noScope],
      { outcome: "forbidden", reason },
      [notForModels, scopeNeeded, scopeNeeded],
    ],
    [
      "an organization on hold",
      [noScope, refusal(400, "invalid_request_error", "…", "organization_on_hold"), dead],
      { outcome: "forbidden", reason: "account_on_hold" },
      null,
    ],
    ["401 everywhere: dead", [dead, dead, dead], { outcome: "rejected", reason: null }, []],
    ["401 for costs and models, silence for usage: dead", [dead, timedOut, dead], { outcome: "rejected" }, []],
    [
      "a creator who has left",
      [refusal(400, "invalid_request_error", "…", "claude_code_key_creator_not_member"), timedOut, timedOut],
      { outcome: "rejected", reason: "creator_left" },
      [],
    ],
    [
      "401 for models alone, which may not be for it",
      [overloaded, overloaded, dead],
      { outcome: "unreachable", reason: "unavailable" },
      [],
    ],
    ["401 for costs alone", [dead, dead, overloaded], { outcome: "unreachable", reason: "unavailable" }, []],
    [
      "a limit for costs, 401 for models",
      [refusal(429, "rate_limit_error"), dead, timedOut],
      { outcome: "rate_limited" },
      [],
    ],
    ["404 for costs, were the beta to end, and 401 for models", [notFound, notFound, dead], unexpected, []],
    ["404 everywhere", [notFound, notFound, notFound], unexpected, []],
    ["a captive portal", [reply(200, "<html>"), reply(200, "<html>"), reply(200, "<html>")], unexpected, []],
    ["silence", [timedOut, timedOut, timedOut], { outcome: "unreachable", reason: "connection" }, []],
  ])("%s", async (_, [costs, usage, listing], finding, states) => {
    const { found, sent } = await probeByPath("ANTHROPIC", ENTERPRISE, {
      [ANALYTICS_COST]: costs,
      [ANALYTICS_USAGE]: usage,
      [MODELS]: listing,
    });
    expect(found).toMatchObject(finding);
    if (states !== null)
      expect(found.capabilities).toMatchObject(
        states.map((state, index) => ({ id: ["models_read", "usage_read", "cost_read"][index], ...state })),
      );
    expect(found.capabilities).toHaveLength(states?.length ?? 3);
    expect(sent).toHaveLength(3);
  });
});

describe("ANTHROPIC over sockets, with its SDK in front:", () => {
  let simulators: Simulators;
  beforeAll(async () => {
    simulators = await startSimulators();
  });
  afterAll(() => simulators.close());

  const keys = exampleKeys("ANTHROPIC");
  const enterprise = (...words: string[]): string => exampleKey("ANTHROPIC", words, "enterprise");
  const ready = { capabilities: [{ state: "granted" }, { state: "granted" }, { state: "granted" }] };
  const reports = { capabilities: [{}, { state: "granted" }, { state: "granted" }] };
  test.each<[string, string | undefined, number, object]>([
    ["a workspace's key", keys.good, 3, { outcome: "valid", details: { permissions: "limited" } }],
    ["a key without a workspace", exampleKey("ANTHROPIC", ["unscoped"]), 3, { outcome: "valid", ...ready }],
    ["an admin key", keys.admin, 4, { outcome: "valid", ...reports, expires_at: null }],
    [
      "an admin key that expires",
      exampleKey("ANTHROPIC", ["expiring"], "admin"),
      4,
      { outcome: "valid", expires_at: expect.stringMatching(/^2\d{3}-/) },
    ],
    ["an admin key without scope", keys.admin_noscope, 4, { outcome: "valid", details: { permissions: "limited" } }],
    ["an Enterprise key", keys.enterprise, 3, { outcome: "valid", ...ready }],
    ["an Enterprise key, 401 for models", enterprise("nomodels401"), 3, { outcome: "valid", ...reports }],
    ["an Enterprise key, 403 for models", enterprise("nomodels403"), 3, { outcome: "valid", ...reports }],
    [
      "an Enterprise key without scope",
      enterprise("noscope"),
      3,
      { outcome: "forbidden", remedy: expect.stringMatching(/read:analytics/) },
    ],
    ["a dead Enterprise key", enterprise("revoked"), 3, { outcome: "rejected" }],
    ["a dead key", keys.revoked, 3, { outcome: "rejected" }],
    ["a dead admin key", exampleKey("ANTHROPIC", ["revoked"], "admin"), 4, { outcome: "rejected" }],
    ["a key without credit", keys.billing, 3, { outcome: "valid", reason: "billing", warnings: ["billing"] }],
  ])("%s", async (_, key, mostRequests, verdict) => {
    simulators.reset();
    const entry = { ...entryOf("ANTHROPIC"), endpoints: { api: simulators.endpoints["ANTHROPIC_API"] ?? "" } };
    const parts = { federation, ask: askThrough(fetch, 10_000), clock: systemClock() };
    const found = await attempt(entry, credentialOf({ api_key: key ?? "" }), nobody, parts);
    expect(found).toMatchObject(verdict);
    expect(simulators.requests.length).toBeLessThanOrEqual(mostRequests);
    expect(JSON.stringify(found)).not.toContain(key?.slice(-12));
  });
});
