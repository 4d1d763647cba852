import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../shared/adapters/system-clock.ts";
import { askThrough } from "../../shared/providers/ask.ts";
import { attempt } from "../../shared/providers/attempt.ts";
import { adminKeys, entryOf, fakeKey } from "../registry/the-registry.ts";
import { exampleKey, exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import {
  type Answer,
  attemptOf,
  credentialOf,
  federation,
  headersOf,
  NOW,
  nobody,
  probe,
  reply,
  timedOut,
  urlsOf,
} from "./desk.ts";
import { never, type PathAnswer, probeByPath, together } from "./desk-by-path.ts";

const KEY = fakeKey("OPENAI");
const ADMIN = adminKeys.OPENAI;
const BASE = "https://api.openai.com/v1";

const models = reply(200, {
  object: "list",
  data: [
    { id: "gpt", object: "model" },
    { id: "gpt-2", object: "model" },
  ],
});
const page = reply(200, {
  object: "page",
  data: [{ object: "bucket", results: [] }],
  has_more: false,
  next_page: null,
});

function refusal(status: number, message: string, code: string | null = null, type = "invalid_request_error"): Answer {
  return reply(status, { error: { message, type, param: null, code } }, { "x-request-id": "req_42" });
}
const unexpected = { outcome: "unreachable", reason: "unexpected_response", capabilities: [] };
const missingScope = "You have insufficient permissions for this operation. Missing scopes: api.model.read.";

describe("OPENAI answers a project key with", () => {
  test.each<[string, Answer, object]>([
    ["200 and a list", models, { outcome: "valid", reason: null, details: { models: 2 } }],
    ["200 and an empty list", reply(200, { object: "list", data: [] }), { outcome: "valid", details: { models: 0 } }],
    ["200 and no object", reply(200, { data: [] }), { outcome: "unreachable", reason: "unexpected_response" }],
    ["200 and a page", page, { outcome: "unreachable", reason: "unexpected_response" }],
    ["200, a captive portal", reply(200, "<html>"), { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "401, wrong key, which it echoes in part",
      refusal(401, `Incorrect API key provided: ${KEY.slice(0, 12)}***`, "invalid_api_key"),
      { outcome: "rejected", provider_code: "invalid_api_key", provider_request_id: "req_42" },
    ],
    ["403, missing scope", refusal(403, missingScope), { outcome: "valid", reason: null, warnings: [] }],
    ["401, missing scope", refusal(401, missingScope), { outcome: "valid", reason: null, warnings: [] }],
    [
      "401, wrong key, told by its text",
      refusal(401, "Incorrect API key provided: sk-***.", null),
      { outcome: "rejected" },
    ],
    ["401, deactivated account", refusal(401, "…", "account_deactivated"), { outcome: "rejected" }],
    ["401, another type", refusal(401, "Incorrect API key provided", null, "proxy_error"), unexpected],
    ["401, another text", refusal(401, "Your API key could not be checked."), unexpected],
    ["401, an empty object", reply(401, {}), unexpected],
    ["401, an empty array", reply(401, []), unexpected],
    ["401, a gateway's word", reply(401, { message: "Unauthorized" }), unexpected],
    ["401, a gateway's refusal", reply(401, { error: "Invalid API key" }), unexpected],
    ["401, an outage", reply(401, { error: "service temporarily unavailable" }), unexpected],
    ["401, a proxy's scope", reply(401, { error: { message: "Proxy: missing scope: login" } }), unexpected],
    ["401, a proxy's scope under OpenAI's type", refusal(401, "Proxy: missing scopes: api.login"), unexpected],
    ["401, missing scope without a type", reply(401, { error: { message: missingScope } }), unexpected],
    ["401, missing scope as plain text", reply(401, { error: missingScope }), unexpected],
    ["403, anybody's scope as plain text", reply(403, { error: "missing scopes: x" }), unexpected],
    ["403, a scope somewhere in plain text", reply(403, { error: `Proxy: ${missingScope}` }), unexpected],
    ["403, a scope alone", reply(403, { error: "Missing scopes: api.usage.read" }), { outcome: "valid" }],
    ["401, a proxy's address list", reply(401, { error: { message: "Your IP is not authorized" } }), unexpected],
    ["403, missing scope as plain text", reply(403, { error: missingScope }), { outcome: "valid", reason: null }],
    [
      "401, not a member",
      refusal(401, "You must be a member of an organization to use the API."),
      { outcome: "forbidden", reason: "organization_membership" },
    ],
    [
      "401, another organization",
      refusal(401, "OpenAI-Organization header should match organization for API key.", "mismatched_organization"),
      { outcome: "forbidden", reason: "wrong_organization", field: null },
    ],
    [
      "401, address not allowed",
      refusal(401, "Your IP is not authorized.", "ip_not_authorized"),
      { outcome: "forbidden", reason: "ip_allowlist" },
    ],
    [
      "403, region",
      refusal(
        403,
        "Country, region, or territory not supported",
        "unsupported_country_region_territory",
        "request_forbidden",
      ),
      { outcome: "unreachable", reason: "region_blocked" },
    ],
    ["429, rate", refusal(429, "Rate limit reached", "rate_limit_exceeded", "requests"), { outcome: "rate_limited" }],
    ["429, slow down", refusal(429, "Slow down", "slow_down"), { outcome: "rate_limited" }],
    [
      "429, quota",
      refusal(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota"),
      { outcome: "valid", reason: "billing", warnings: ["billing"] },
    ],
    [
      "429, credit",
      refusal(429, "…", "credit_balance_exhausted", "insufficient_quota"),
      { outcome: "valid", reason: "billing" },
    ],
    [
      "429, limit of the project",
      refusal(429, "…", "project_spend_limit_exceeded"),
      { outcome: "valid", reason: "billing" },
    ],
    [
      "401, regional host",
      refusal(401, "incorrect regional hostname"),
      { outcome: "unreachable", reason: "regional_host" },
    ],
    ["403, something new", refusal(403, "Something new"), { outcome: "unreachable", reason: "unexpected_response" }],
    ["404", refusal(404, "Unknown request URL"), { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "503",
      refusal(503, "overloaded", "server_is_overloaded", "server_error"),
      { outcome: "unreachable", reason: "unavailable" },
    ],
    ["500 in HTML", reply(500, "<html>"), { outcome: "unreachable", reason: "unavailable" }],
    [
      "307",
      reply(307, "", { location: "https://evil.example" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["silence", timedOut, { outcome: "unreachable", reason: "connection" }],
  ])("%s", async (_, answer, finding) => {
    const { found, sent } = await probe("OPENAI", KEY, answer);
    expect(found).toMatchObject(finding);
    expect(urlsOf(sent)).toEqual([`GET ${BASE}/models`]);
    expect(JSON.stringify(found)).not.toContain(KEY.slice(3, 12));
  });

  test("VALID without cost-readiness, and says which key to create instead", async () => {
    const { verdict, sent } = await attemptOf("OPENAI", KEY, models);
    expect(sent).toHaveLength(1);
    expect(verdict).toMatchObject({
      outcome: "valid",
      code: null,
      message: "Integration validated successfully",
      details: { connection: "ok", permissions: "limited", models: 2 },
    });
    const needed = {
      state: "denied",
      reason: "admin_key_needed",
      remedy: expect.stringMatching(/admin-keys.*Usage \(read\)/),
    };
    expect(verdict.capabilities).toEqual([
      { id: "models_read", state: "granted" },
      { id: "usage_read", ...needed },
      { id: "cost_read", ...needed },
    ]);
  });
  test("a missing models scope, as a denied capability of a live key", async () => {
    const { verdict } = await attemptOf("OPENAI", KEY, refusal(403, missingScope));
    expect(verdict.outcome).toBe("valid");
    expect(verdict.capabilities[0]).toMatchObject({
      id: "models_read",
      state: "denied",
      reason: "missing_scope",
      remedy: expect.any(String),
    });
  });
});

describe("OPENAI is told", () => {
  test("the key and nothing else that it did not need", async () => {
    const { sent } = await probe("OPENAI", KEY, models);
    expect(headersOf(sent[0])).toEqual({
      accept: "application/json",
      authorization: `Bearer ${KEY}`,
      "user-agent": expect.stringMatching(/^CloudAct\//),
    });
  });
  test("organization and project where the credential has them", async () => {
    const { sent } = await probe(
      "OPENAI",
      { api_key: KEY, organization_id: "org-12345", project_id: "proj_12345" },
      models,
    );
    expect(headersOf(sent[0])).toMatchObject({ "openai-organization": "org-12345", "openai-project": "proj_12345" });
  });
  test("a wrong organization only once: asked again without it, the field is at fault", async () => {
    const mismatch = refusal(401, "…", "mismatched_organization");
    const { found, sent } = await probe("OPENAI", { api_key: KEY, organization_id: "org-12345" }, mismatch, models);
    expect(found).toMatchObject({ outcome: "forbidden", reason: "wrong_organization", field: "organization_id" });
    expect(sent.map((request) => request.headers.get("openai-organization"))).toEqual(["org-12345", null]);
  });
  test("a dead key behind a wrong organization is dead", async () => {
    const { found } = await probe(
      "OPENAI",
      { api_key: KEY, organization_id: "org-12345" },
      refusal(401, "…", "mismatched_organization"),
      refusal(401, "Incorrect API key", "invalid_api_key"),
    );
    expect(found.outcome).toBe("rejected");
  });
});

const COSTS = "/v1/organization/costs";
const USAGE = "/v1/organization/usage/completions";
const KEYS = "/v1/organization/admin_api_keys";

describe("OPENAI answers an admin key with", () => {
  const day = Math.floor(NOW / 86_400_000) * 86_400 - 86_400;
  test("costs and usage, asked at the same time: ready for cost pipelines", async () => {
    const held = together(3);
    const { found, sent } = await probeByPath("OPENAI", ADMIN, {
      [COSTS]: held(page),
      [USAGE]: held(page),
      [KEYS]: held(listed()),
    });
    expect(found).toMatchObject({
      outcome: "valid",
      reason: null,
      warnings: [],
      capabilities: [
        { id: "cost_read", state: "granted" },
        { id: "usage_read", state: "granted" },
      ],
    });
    expect(urlsOf(sent).sort()).toEqual([
      `GET ${BASE}/organization/admin_api_keys?limit=100`,
      `GET ${BASE}/organization/costs?start_time=${day}&limit=1`,
      `GET ${BASE}/organization/usage/completions?start_time=${day}&limit=1`,
    ]);
    expect(sent.map((request) => request.headers.get("authorization"))).toEqual(Array(3).fill(`Bearer ${ADMIN}`));
  });

  test.each<[string, Answer, object]>([
    ["401", refusal(401, "Incorrect API key", "invalid_api_key"), { outcome: "rejected", capabilities: [] }],
    ["429", refusal(429, "…", "rate_limit_exceeded"), { outcome: "rate_limited" }],
    ["503", refusal(503, "…", "server_is_overloaded"), { outcome: "unreachable", reason: "unavailable" }],
    ["a list where a page belongs", models, { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "401, address not allowed",
      refusal(401, "…", "ip_not_authorized"),
      { outcome: "forbidden", reason: "ip_allowlist" },
    ],
  ])(
    "%s on costs: that decides, whatever the other answers are, and they are not waited for",
    async (_, costs, finding) => {
      for (const other of [never, page, refusal(401, "Incorrect API key", "invalid_api_key")]) {
        const { found } = await probeByPath("OPENAI", ADMIN, { [COSTS]: costs, [USAGE]: other, [KEYS]: other });
        expect(found).toMatchObject(finding);
      }
    },
  );

  const usageScope = refusal(
    403,
    "You have insufficient permissions for this operation. Missing scopes: api.usage.read.",
  );
  const quota = refusal(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota");
  const granted = { id: "cost_read", state: "granted" };
  test.each<[string, PathAnswer, PathAnswer, object]>([
    [
      "costs, but no scope for usage",
      page,
      usageScope,
      {
        reason: null,
        warnings: [],
        capabilities: [granted, { id: "usage_read", state: "denied", reason: "missing_scope" }],
      },
    ],
    [
      "no scope for costs, but usage",
      usageScope,
      page,
      {
        reason: null,
        warnings: [],
        capabilities: [
          { id: "cost_read", state: "denied", reason: "missing_scope" },
          { id: "usage_read", state: "granted" },
        ],
      },
    ],
    [
      "no scope at all: live and useless",
      usageScope,
      usageScope,
      { reason: null, warnings: [], capabilities: [{ state: "denied" }, { state: "denied" }] },
    ],
    [
      "costs, then silence",
      page,
      timedOut,
      { capabilities: [granted, { id: "usage_read", state: "unknown", reason: "connection" }] },
    ],
    [
      "costs, then 429",
      page,
      refusal(429, "…", "rate_limit_exceeded"),
      { warnings: [], capabilities: [granted, { state: "unknown", reason: "rate_limited" }] },
    ],
    [
      "costs, then a captive portal",
      page,
      reply(200, "<html>"),
      { capabilities: [granted, { state: "unknown", reason: "unexpected_response" }] },
    ],
    [
      "costs, then a dead key: a contradiction settles nothing",
      page,
      refusal(401, "Incorrect API key", "invalid_api_key"),
      { capabilities: [granted, { state: "unknown" }] },
    ],
    [
      "costs, but an empty purse for usage: a warning",
      page,
      quota,
      { reason: null, warnings: ["billing"], capabilities: [granted, { state: "unknown", reason: "billing" }] },
    ],
    [
      "an empty purse for costs: live, warned of, and nothing said of permissions",
      quota,
      page,
      {
        reason: "billing",
        warnings: ["billing"],
        capabilities: [{ state: "unknown", reason: "billing" }, { state: "granted" }],
      },
    ],
  ])("%s", async (_, costs, usage, finding) => {
    const { found } = await probeByPath("OPENAI", ADMIN, { [COSTS]: costs, [USAGE]: usage, [KEYS]: listed() });
    expect(found).toMatchObject({ outcome: "valid", ...finding });
  });

  test("a wrong organization only once: asked again without it, the field is at fault", async () => {
    const mismatch = refusal(401, "…", "mismatched_organization");
    const key = { api_key: ADMIN, organization_id: "org-12345" };
    const { found, sent } = await probeByPath("OPENAI", key, {
      [COSTS]: [mismatch, page],
      [USAGE]: mismatch,
      [KEYS]: mismatch,
    });
    expect(found).toMatchObject({ outcome: "forbidden", reason: "wrong_organization", field: "organization_id" });
    const costs = sent.filter((request) => new URL(request.url).pathname === COSTS);
    expect(costs.map((request) => request.headers.get("openai-organization"))).toEqual(["org-12345", null]);
  });
  test("a dead key behind a wrong organization is dead", async () => {
    const key = { api_key: ADMIN, organization_id: "org-12345" };
    const { found } = await probeByPath("OPENAI", key, {
      [COSTS]: [refusal(401, "…", "mismatched_organization"), refusal(401, "…", "invalid_api_key")],
    });
    expect(found.outcome).toBe("rejected");
  });

  const own = { redacted_value: `${ADMIN.slice(0, 12)}...${ADMIN.slice(-4)}`, expires_at: 1_800_000_000 };
  const other = { id: "key_other", redacted_value: "sk-admin-zz...zzzz", expires_at: 1_800_000_001 };
  const OWN_EXPIRY = "2027-01-15T08:00:00.000Z";
  const expiryOf = async (...pages: PathAnswer[]): Promise<{ expiry: string | null; asked: string[] }> => {
    const answers = { [COSTS]: page, [USAGE]: page, [KEYS]: pages };
    const { found, sent } = await probeByPath("OPENAI", ADMIN, answers);
    expect(found.outcome).toBe("valid");
    const asked = sent.map(({ url }) => new URL(url)).filter(({ pathname }) => pathname === KEYS);
    return { expiry: found.expires_at, asked: asked.map(({ search }) => search) };
  };
  test.each<[string, Answer, string | null]>([
    ["the key that shows its ends", listed(other, own), OWN_EXPIRY],
    [
      "the key that shows as little as is documented",
      listed(other, { ...own, redacted_value: `sk-admin...${ADMIN.slice(-3)}` }),
      OWN_EXPIRY,
    ],
    [
      "the key behind asterisks",
      listed({ ...own, redacted_value: `${ADMIN.slice(0, 8)}${"*".repeat(120)}${ADMIN.slice(-4)}` }),
      OWN_EXPIRY,
    ],
    ["no key that never expires", listed({ ...own, expires_at: null }), null],
    ["no key where two fit", listed(own, own), null],
    ["no key where only the ending fits", listed({ ...own, redacted_value: `sk-admin-zz...${ADMIN.slice(-4)}` }), null],
    ["no key where only the beginning fits", listed({ ...own, redacted_value: `${ADMIN.slice(0, 12)}...zzzz` }), null],
    [
      "no key that is shown whole",
      listed({ ...own, redacted_value: `${ADMIN.slice(0, 60)}...${ADMIN.slice(-80)}` }),
      null,
    ],
    ["no key without a redaction", listed({ expires_at: 1_800_000_000 }), null],
    ["no absurd time", listed({ ...own, expires_at: 1e300 }), null],
    ["no time that has passed, since the key works", listed({ ...own, expires_at: NOW / 1_000 - 60 }), null],
    ["nothing where keys may not be listed", usageScope, null],
    ["nothing from a page", reply(200, "<html>"), null],
    ["nothing from silence", timedOut, null],
    ["nothing from a list that is cut off", reply(200, { data: [own], has_more: true, last_id: null }), null],
  ])("the expiry of %s", async (_, keys, expiresAt) => {
    expect((await expiryOf(keys)).expiry).toBe(expiresAt);
  });

  const pageOf = (more: boolean, ...keys: object[]): Answer =>
    reply(200, { object: "list", data: keys, has_more: more });
  test("its own expiry on a later page", async () => {
    const { expiry, asked } = await expiryOf(pageOf(true, other), pageOf(false, own));
    expect(expiry).toBe(OWN_EXPIRY);
    expect(asked).toEqual(["?limit=100", "?limit=100&after=key_other"]);
  });
  test("no expiry where a later page holds another that fits, or cannot be read", async () => {
    expect((await expiryOf(pageOf(true, { ...own, id: "key_own" }), pageOf(false, own))).expiry).toBeNull();
    expect((await expiryOf(pageOf(true, { ...own, id: "key_own" }), timedOut)).expiry).toBeNull();
  });
  test("nothing is asked behind a cursor that is no plain word", async () => {
    const odd = reply(200, { data: [own], has_more: true, last_id: "a&b=c" });
    expect(await expiryOf(odd, pageOf(false))).toEqual({ expiry: null, asked: ["?limit=100"] });
  });
  test("no expiry from a list without end: three pages, five requests in all", async () => {
    const { expiry, asked } = await expiryOf(pageOf(true, { ...own, id: "key_own" }), pageOf(true, other));
    expect(expiry).toBeNull();
    expect(asked).toHaveLength(3);
  });
});

function listed(...keys: object[]): Answer {
  return reply(200, { object: "list", data: keys, has_more: false });
}

describe("OPENAI over sockets, with its SDK in front:", () => {
  let simulators: Simulators;
  beforeAll(async () => {
    simulators = await startSimulators();
  });
  afterAll(() => simulators.close());

  const keys = exampleKeys("OPENAI");
  test.each<[string, string | undefined, number, object]>([
    ["a project key", keys.good, 1, { outcome: "valid", warnings: [] }],
    ["an admin key", keys.admin, 3, { outcome: "valid", details: { permissions: "ok" }, expires_at: null }],
    [
      "an admin key that expires",
      keys.expiring,
      3,
      { outcome: "valid", expires_at: expect.stringMatching(/^2\d{3}-/) },
    ],
    ["an admin key without scope", keys.admin_noscope, 3, { outcome: "valid", details: { permissions: "limited" } }],
    [
      "a key without credit",
      keys.billing,
      1,
      {
        outcome: "valid",
        reason: "billing",
        capabilities: [{ id: "models_read", state: "unknown", reason: "billing" }, {}, {}],
      },
    ],
    [
      "an admin key without credit",
      exampleKey("OPENAI", ["billing"], "admin"),
      3,
      { outcome: "valid", reason: "billing" },
    ],
    ["a dead key", keys.revoked, 1, { outcome: "rejected" }],
    ["a dead admin key", exampleKey("OPENAI", ["revoked"], "admin"), 3, { outcome: "rejected" }],
  ])("%s", async (_, key, mostRequests, verdict) => {
    simulators.reset();
    const entry = { ...entryOf("OPENAI"), endpoints: { api: simulators.endpoints["OPENAI_API"] ?? "" } };
    const credential = credentialOf({ api_key: key ?? "" });
    const parts = { federation, ask: askThrough(fetch, 10_000), clock: systemClock() };
    expect(await attempt(entry, credential, nobody, parts)).toMatchObject(verdict);
    expect(simulators.requests.length).toBeLessThanOrEqual(mostRequests);
  });
});
