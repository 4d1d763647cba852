import { describe, expect, test } from "vitest";
import { adminKeys, fakeKey } from "../registry/the-registry.ts";
import { type Answer, attemptOf, headersOf, NOW, probe, reply, timedOut, urlsOf } from "./desk.ts";

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

describe("OPENAI answers an admin key with", () => {
  const day = Math.floor(NOW / 86_400_000) * 86_400 - 86_400;
  test("costs and usage: ready for cost pipelines", async () => {
    const { found, sent } = await probe("OPENAI", ADMIN, page);
    expect(found).toMatchObject({
      outcome: "valid",
      capabilities: [
        { id: "cost_read", state: "granted" },
        { id: "usage_read", state: "granted" },
      ],
    });
    expect(urlsOf(sent)).toEqual([
      `GET ${BASE}/organization/costs?start_time=${day}&limit=1`,
      `GET ${BASE}/organization/usage/completions?start_time=${day}&limit=1`,
      `GET ${BASE}/organization/admin_api_keys?limit=100`,
    ]);
    expect(sent.map((request) => request.headers.get("authorization"))).toEqual(Array(3).fill(`Bearer ${ADMIN}`));
  });
  const usageScope = refusal(
    403,
    "You have insufficient permissions for this operation. Missing scopes: api.usage.read.",
  );
  test.each<[string, Answer[], object]>([
    [
      "costs, but no scope for usage",
      [page, usageScope],
      {
        outcome: "valid",
        capabilities: [
          { id: "cost_read", state: "granted" },
          { id: "usage_read", state: "denied", reason: "missing_scope" },
        ],
      },
    ],
    [
      "no scope for costs, but usage",
      [usageScope, page],
      {
        outcome: "valid",
        reason: null,
        capabilities: [
          { id: "cost_read", state: "denied", reason: "missing_scope" },
          { id: "usage_read", state: "granted" },
        ],
      },
    ],
    [
      "no scope at all: live and useless",
      [usageScope],
      { outcome: "valid", reason: null, warnings: [], capabilities: [{ state: "denied" }, { state: "denied" }] },
    ],
    [
      "costs, then silence",
      [page, timedOut],
      {
        outcome: "valid",
        capabilities: [{ state: "granted" }, { id: "usage_read", state: "unknown", reason: "connection" }],
      },
    ],
    [
      "costs, then 429",
      [page, refusal(429, "…", "rate_limit_exceeded")],
      { outcome: "valid", capabilities: [{ state: "granted" }, { state: "unknown", reason: "rate_limited" }] },
    ],
    ["401", [refusal(401, "Incorrect API key", "invalid_api_key")], { outcome: "rejected", capabilities: [] }],
    ["a list where a page belongs", [models], { outcome: "unreachable", reason: "unexpected_response" }],
    ["429", [refusal(429, "…", "rate_limit_exceeded")], { outcome: "rate_limited" }],
  ])("%s", async (_, answers, finding) => {
    expect((await probe("OPENAI", ADMIN, ...answers)).found).toMatchObject(finding);
  });

  const listed = (...keys: object[]): Answer => reply(200, { object: "list", data: keys, has_more: false });
  const own = { redacted_value: `${ADMIN.slice(0, 12)}...${ADMIN.slice(-4)}`, expires_at: 1_800_000_000 };
  test.each<[string, Answer, string | null]>([
    [
      "the key that shows its ends",
      listed({ redacted_value: "sk-admin-zz...zzzz", expires_at: 1 }, own),
      "2027-01-15T08:00:00.000Z",
    ],
    [
      "the key behind asterisks",
      listed({ ...own, redacted_value: `${ADMIN.slice(0, 8)}${"*".repeat(120)}${ADMIN.slice(-4)}` }),
      "2027-01-15T08:00:00.000Z",
    ],
    ["no key that never expires", listed({ ...own, expires_at: null }), null],
    ["no key where two fit", listed(own, own), null],
    ["no key where only the ending fits", listed({ ...own, redacted_value: `sk-admin-zz...${ADMIN.slice(-4)}` }), null],
    ["no key without a redaction", listed({ expires_at: 1_800_000_000 }), null],
    ["no absurd time", listed({ ...own, expires_at: 1e300 }), null],
    ["nothing where keys may not be listed", usageScope, null],
    ["nothing from a page", reply(200, "<html>"), null],
    ["nothing from silence", timedOut, null],
  ])("the expiry of %s", async (_, keys, expiresAt) => {
    expect((await probe("OPENAI", ADMIN, page, page, keys)).found).toMatchObject({
      outcome: "valid",
      expires_at: expiresAt,
    });
  });
});
