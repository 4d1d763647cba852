import { describe, expect, test } from "vitest";
import { adminKeys, fakeKey } from "../registry/the-registry.ts";
import { type Answer, attemptOf, headersOf, probe, reply, timedOut, urlsOf } from "./desk.ts";

const KEY = fakeKey("ANTHROPIC");
const ADMIN = adminKeys.ANTHROPIC;
const BASE = "https://api.anthropic.com";

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
    ["200 and a list", models, { outcome: "valid", reason: null }],
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
  ])("%s", async (_, answer, finding) => {
    const { found, sent } = await probe("ANTHROPIC", KEY, answer);
    expect(found).toMatchObject(finding);
    expect(urlsOf(sent)).toEqual([`GET ${BASE}/v1/models?limit=1`]);
  });

  test("404, asked once more: still not found is dead", async () => {
    const { found, sent } = await probe("ANTHROPIC", KEY, refusal(404, "not_found_error"));
    expect(found).toMatchObject({ outcome: "rejected" });
    expect(sent).toHaveLength(2);
  });
  test("404 of another kind: unexpected", async () => {
    const { found, sent } = await probe("ANTHROPIC", KEY, reply(404, { error: "no such page" }));
    expect(found).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
    expect(sent).toHaveLength(1);
  });
  test("not_found_error with another status: no second question", async () => {
    const { found, sent } = await probe("ANTHROPIC", KEY, refusal(400, "not_found_error"));
    expect(found).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
    expect(sent).toHaveLength(1);
  });
  test("404, then 200: unexpected rather than valid", async () => {
    const { found } = await probe("ANTHROPIC", KEY, refusal(404, "not_found_error"), models);
    expect(found).toMatchObject({ outcome: "unreachable", reason: "unexpected_response" });
  });
  test("VALID without cost-readiness, and says which key to create instead", async () => {
    const { verdict } = await attemptOf("ANTHROPIC", KEY, models);
    const needed = { state: "denied", reason: "admin_key_needed", remedy: expect.stringMatching(/admin-keys/) };
    expect(verdict.capabilities).toEqual([
      { id: "models_read", state: "granted" },
      { id: "usage_read", ...needed },
      { id: "cost_read", ...needed },
    ]);
  });
  test("nothing that we sent besides the key and the version", async () => {
    const { sent } = await probe("ANTHROPIC", KEY, models);
    expect(headersOf(sent[0])).toEqual({
      accept: "application/json",
      "anthropic-version": "2026-10-21",
      authorization: `Bearer ${KEY}`,
      "user-agent": expect.stringMatching(/^CloudAct\//),
    });
  });
});

describe("ANTHROPIC answers an admin key with", () => {
  test("organization, costs and usage: ready for cost pipelines", async () => {
    const { found, sent } = await probe("ANTHROPIC", ADMIN, organization, report, report);
    expect(found).toMatchObject({
      outcome: "valid",
      capabilities: [
        { id: "cost_read", state: "granted" },
        { id: "usage_read", state: "granted" },
      ],
    });
    expect(urlsOf(sent)).toEqual([
      `GET ${BASE}/v1/organizations/me`,
      `GET ${BASE}/v1/organizations/cost_report?starting_at=2026-11-19T00%3A00%3A00.000Z&limit=1`,
      `GET ${BASE}/v1/organizations/usage_report/messages?starting_at=2026-11-19T00%3A00%3A00.000Z&bucket_width=1d&limit=1`,
    ]);
    expect(new Set(sent.map((request) => request.headers.get("authorization")))).toEqual(new Set([`Bearer ${ADMIN}`]));
  });
  const notAllowed = refusal(403, "permission_error");
  test.each<[string, Answer[], object]>([
    [
      "organization, but no costs",
      [organization, notAllowed, report],
      {
        outcome: "valid",
        capabilities: [
          { id: "cost_read", state: "denied", reason: "missing_scope" },
          { id: "usage_read", state: "granted" },
        ],
      },
    ],
    [
      "organization, then an outage",
      [organization, refusal(529, "overloaded_error")],
      {
        outcome: "valid",
        capabilities: [{ id: "cost_read", state: "unknown", reason: "unavailable" }, { state: "unknown" }],
      },
    ],
    [
      "another kind of account",
      [refusal(400, "invalid_request_error", "…", "organization_type_not_supported")],
      { outcome: "forbidden", reason: "organization_type" },
    ],
    ["401", [refusal(401, "authentication_error")], { outcome: "rejected", capabilities: [] }],
    ["404, and no models either: dead", [refusal(404, "not_found_error")], { outcome: "rejected" }],
    [
      "404, but models: unexpected",
      [refusal(404, "not_found_error"), models],
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "200 that is no organization",
      [reply(200, { id: "x", type: "error" })],
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
  ])("%s", async (_, answers, finding) => {
    expect((await probe("ANTHROPIC", ADMIN, ...answers)).found).toMatchObject(finding);
  });
});
