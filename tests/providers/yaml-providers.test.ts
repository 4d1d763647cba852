import { describe, expect, test } from "vitest";
import { fakeKey, registry } from "../registry/the-registry.ts";
import { type Answer, attemptOf, probe, reply, timedOut, urlsOf } from "./desk.ts";

type Row = [title: string, answer: Answer, finding: object];
interface Provider {
  asks: string;
  key(request: Request): string | null;
  rows: Row[];
}

const bearer = (request: Request): string | null =>
  request.headers.get("authorization")?.replace("Bearer ", "") ?? null;
const unexpected = { outcome: "unreachable", reason: "unexpected_response" };

function google(status: number, state: string, message: string, ...reasons: string[]): Answer {
  const details = reasons.map((reason) => ({
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "googleapis.com",
  }));
  return reply(status, { error: { code: status, message, status: state, details } });
}
const invalidKey = "API key not valid. Please pass a valid API key.";

/** What each provider answers, from the pages and observations that configs/system/providers.yml cites. */
const providers: Record<string, Provider> = {
  GEMINI: {
    asks: "GET https://generativelanguage.googleapis.com/v1beta/models?pageSize=1",
    key: (request) => request.headers.get("x-goog-api-key"),
    rows: [
      ["200 with models", reply(200, { models: [] }), { outcome: "valid", reason: null }],
      ["200 in an array", reply(200, [{ models: [] }]), { outcome: "valid" }],
      [
        "400, dead key",
        google(400, "INVALID_ARGUMENT", invalidKey, "API_KEY_INVALID"),
        { outcome: "rejected", provider_code: "API_KEY_INVALID" },
      ],
      [
        "400, dead key, in an array",
        reply(400, [{ error: { message: invalidKey, details: [{ reason: "API_KEY_INVALID" }] } }]),
        { outcome: "rejected" },
      ],
      [
        "400, expired key, with the same reason",
        google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "API_KEY_INVALID"),
        { outcome: "expired" },
      ],
      [
        "400, expired key, without details",
        google(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key."),
        { outcome: "expired" },
      ],
      [
        "400, unknown key",
        google(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key."),
        { outcome: "rejected" },
      ],
      ["400, our own mistake", google(400, "INVALID_ARGUMENT", "Bad page size", "BAD_PAGE_SIZE"), unexpected],
      [
        "400, region",
        google(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
        { outcome: "unreachable", reason: "region_blocked" },
      ],
      ["400, another precondition", google(400, "FAILED_PRECONDITION", "Something else."), unexpected],
      [
        "401, key type",
        google(401, "UNAUTHENTICATED", "…", "ACCESS_TOKEN_TYPE_UNSUPPORTED"),
        { outcome: "rejected", reason: "key_type_unsupported" },
      ],
      [
        "403, leaked",
        google(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
        { outcome: "rejected", reason: "leaked" },
      ],
      [
        "403, API off",
        google(403, "PERMISSION_DENIED", "…", "SERVICE_DISABLED"),
        { outcome: "forbidden", reason: "service_disabled" },
      ],
      [
        "403, billing off",
        google(403, "PERMISSION_DENIED", "…", "BILLING_DISABLED"),
        { outcome: "forbidden", reason: "billing_disabled" },
      ],
      [
        "403, other APIs only",
        google(403, "PERMISSION_DENIED", "…", "API_KEY_SERVICE_BLOCKED"),
        { outcome: "forbidden", reason: "key_restricted" },
      ],
      [
        "403, addresses",
        google(403, "PERMISSION_DENIED", "…", "API_KEY_IP_ADDRESS_BLOCKED"),
        { outcome: "forbidden", reason: "ip_allowlist" },
      ],
      [
        "403, referrers",
        google(403, "PERMISSION_DENIED", "…", "API_KEY_HTTP_REFERRER_BLOCKED"),
        { outcome: "forbidden", reason: "key_restricted" },
      ],
      [
        "403, apps",
        google(403, "PERMISSION_DENIED", "…", "API_KEY_ANDROID_APP_BLOCKED"),
        { outcome: "forbidden", reason: "key_restricted" },
      ],
      ["403, quota", google(403, "PERMISSION_DENIED", "…", "rateLimitExceeded"), { outcome: "rate_limited" }],
      ["403, something new", google(403, "PERMISSION_DENIED", "…", "SOMETHING_NEW"), unexpected],
      [
        "429 with RetryInfo",
        reply(429, { error: { status: "RESOURCE_EXHAUSTED", details: [{ retryDelay: "7s" }] } }),
        { outcome: "rate_limited", retry_after_s: 7 },
      ],
      ["503", google(503, "UNAVAILABLE", "…"), { outcome: "unreachable", reason: "unavailable" }],
    ],
  },
  DEEPSEEK: {
    asks: "GET https://api.deepseek.com/user/balance",
    key: bearer,
    rows: [
      [
        "200 with a balance",
        reply(200, { is_available: true, balance_infos: [{ currency: "USD", total_balance: "110.00" }] }),
        { outcome: "valid", reason: null },
      ],
      [
        "200 behind blank lines",
        () => new Response('\n\n\n{"is_available":true,"balance_infos":[]}'),
        { outcome: "valid" },
      ],
      [
        "200 without a balance left",
        reply(200, { is_available: false, balance_infos: [] }),
        { outcome: "valid", reason: "balance_empty", warnings: ["balance_empty"] },
      ],
      ["200 that only says no", reply(200, { is_available: false }), unexpected],
      [
        "401, whose text ends with the key's end",
        reply(401, {
          error: {
            message: "Authentication Fails, Your api key: ****0a0a is invalid (request_id: 1)",
            type: "authentication_error",
            param: null,
            code: "invalid_request_error",
          },
        }),
        { outcome: "rejected", provider_code: "invalid_request_error" },
      ],
      [
        "402",
        reply(402, { error: { message: "Insufficient Balance", code: "invalid_request_error" } }),
        { outcome: "valid", reason: "billing" },
      ],
      ["402 in HTML", reply(402, "<html>"), unexpected],
      ["429", reply(429, { error: {} }), { outcome: "rate_limited" }],
      ["503", reply(503, { error: {} }), { outcome: "unreachable", reason: "unavailable" }],
    ],
  },
  MISTRAL: {
    asks: "GET https://api.mistral.ai/v1/models",
    key: bearer,
    rows: [
      ["200 with models", reply(200, { object: "list", data: [{ id: "mistral-small" }] }), { outcome: "valid" }],
      ["401", reply(401, { detail: "Unauthorized" }), { outcome: "rejected" }],
      [
        "401 of its gateway",
        reply(401, { message: "Unauthorized", request_id: "933f233947ff6d34" }),
        { outcome: "rejected", provider_request_id: "933f233947ff6d34" },
      ],
      [
        "402",
        reply(402, { object: "error", message: "Payment required", type: "payment_required" }),
        { outcome: "valid", reason: "billing", warnings: ["billing"] },
      ],
      ["402 without its mark", reply(402, { message: "Payment required" }), unexpected],
    ],
  },
  GROQ: {
    asks: "GET https://api.groq.com/openai/v1/models",
    key: bearer,
    rows: [
      ["200 with models", reply(200, { object: "list", data: [] }), { outcome: "valid" }],
      [
        "401",
        reply(401, { error: { message: "Invalid API Key", type: "invalid_request_error", code: "invalid_api_key" } }),
        { outcome: "rejected", provider_code: "invalid_api_key" },
      ],
      [
        "401, expired",
        reply(401, { error: { message: "Invalid API Key", type: "invalid_request_error", code: "expired_api_key" } }),
        { outcome: "expired" },
      ],
      [
        "402",
        reply(402, { error: { message: "Payment required", code: "blocked_api_access" } }),
        { outcome: "valid", reason: "billing" },
      ],
      [
        "400, restricted organization",
        reply(400, { error: { message: "…", code: "organization_restricted" } }),
        { outcome: "forbidden", reason: "account_on_hold" },
      ],
      [
        "403, network",
        reply(403, { error: { message: "Access denied. Please check your network settings." } }),
        { outcome: "unreachable", reason: "region_blocked" },
      ],
    ],
  },
  XAI: {
    asks: "GET https://api.x.ai/v1/api-key",
    key: bearer,
    rows: [
      [
        "200",
        reply(200, {
          api_key_id: "ae1e",
          redacted_api_key: "xai-...b14o",
          team_blocked: false,
          api_key_blocked: false,
          api_key_disabled: false,
        }),
        { outcome: "valid", reason: null },
      ],
      [
        "200, blocked",
        reply(200, { api_key_id: "ae1e", api_key_blocked: true }),
        { outcome: "rejected", reason: "key_blocked" },
      ],
      [
        "200, disabled",
        reply(200, { api_key_id: "ae1e", api_key_disabled: true }),
        { outcome: "rejected", reason: "key_disabled" },
      ],
      [
        "200, team blocked",
        reply(200, { api_key_id: "ae1e", team_blocked: true }),
        { outcome: "forbidden", reason: "account_on_hold" },
      ],
      [
        "400, wrong key",
        reply(400, {
          code: "Client specified an invalid argument",
          error: "Incorrect API key provided: g7***g7. You can obtain an API key from https://console.x.ai.",
        }),
        { outcome: "rejected", provider_code: null },
      ],
      [
        "400, wrong key, percent-encoded",
        reply(400, { code: "…", error: "Incorrect%20API%20key%20provided:%20ba***na." }),
        { outcome: "rejected" },
      ],
      ["400, something else", reply(400, { code: "…", error: "Bad request" }), unexpected],
      [
        "401, no key",
        reply(401, { code: "unauthenticated:no-credentials", error: "No credentials provided" }),
        { outcome: "rejected" },
      ],
      [
        "402",
        reply(402, { code: "payment-required", error: "Your team has run out of credits." }),
        { outcome: "valid", reason: "billing" },
      ],
      ["402 without its code", reply(402, { error: "Buy credits" }), unexpected],
    ],
  },
  COHERE: {
    asks: "POST https://api.cohere.com/v1/check-api-key",
    key: bearer,
    rows: [
      [
        "200, valid",
        reply(200, { valid: true, organization_id: "o", owner_id: "w" }),
        { outcome: "valid", reason: null },
      ],
      ["200, not valid", reply(200, { valid: false }), { outcome: "rejected" }],
      ["200, neither", reply(200, { valid: "yes" }), unexpected],
      ["401", reply(401, { message: "invalid api token" }), { outcome: "rejected" }],
      ["498", reply(498, { message: "invalid token" }), { outcome: "rejected" }],
      ["498, something else", reply(498, { message: "slow" }), unexpected],
      [
        "402",
        reply(402, { message: "Please add or update your payment method at https://dashboard.cohere.com/billing" }),
        { outcome: "valid", reason: "billing" },
      ],
      ["403 in HTML", reply(403, "<!doctype html><title>403</title>"), unexpected],
    ],
  },
  PERPLEXITY: {
    asks: "GET https://api.perplexity.ai/async/chat/completions",
    key: bearer,
    rows: [
      ["200 with no requests", reply(200, { requests: [], next_token: null }), { outcome: "valid" }],
      [
        "401",
        reply(401, {
          error: {
            message: "Invalid API key provided. You can find your API key at https://www.perplexity.ai/settings/api.",
            type: "invalid_api_key",
            code: 401,
          },
        }),
        { outcome: "rejected", provider_code: "invalid_api_key" },
      ],
      [
        "401, money",
        reply(401, { error: { message: "You exceeded your current quota", type: "insufficient_quota", code: 401 } }),
        { outcome: "valid", reason: "billing", warnings: ["billing"] },
      ],
      [
        "401 in HTML, as its gateway once did",
        reply(401, "<html><head><title>401 Authorization Required</title></head></html>"),
        unexpected,
      ],
    ],
  },
  OPENROUTER: {
    asks: "GET https://openrouter.ai/api/v1/key",
    key: bearer,
    rows: [
      [
        "200, ordinary key",
        reply(200, { data: { label: "sk-or-v1-au7...890", is_management_key: false, limit: 100 } }),
        {
          outcome: "valid",
          expires_at: null,
          capabilities: [
            { id: "usage_read", state: "denied", reason: "management_key_needed" },
            { id: "cost_read", state: "denied", reason: "management_key_needed" },
          ],
        },
      ],
      [
        "200, management key that expires",
        reply(200, { data: { label: "x", is_management_key: true, expires_at: "2027-12-31T23:59:59Z" } }),
        {
          outcome: "valid",
          expires_at: "2027-12-31T23:59:59.000Z",
          capabilities: [
            { id: "usage_read", state: "granted" },
            { id: "cost_read", state: "granted" },
          ],
        },
      ],
      ["200, the public list of models", reply(200, { data: [{ id: "model", label: "x" }] }), unexpected],
      [
        "401",
        reply(401, { error: { message: "User not found.", code: 401 } }),
        { outcome: "rejected", provider_code: null },
      ],
      [
        "402",
        reply(402, { error: { message: "Insufficient credits", code: 402 } }),
        { outcome: "valid", reason: "billing", capabilities: [] },
      ],
    ],
  },
  TOGETHER: {
    asks: "GET https://api.together.ai/v1/files",
    key: bearer,
    rows: [
      ["200 with no files", reply(200, { data: [] }), { outcome: "valid" }],
      [
        "401",
        reply(401, {
          error: {
            message:
              "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.",
            type: "invalid_request_error",
            param: null,
            code: "invalid_api_key",
          },
        }),
        { outcome: "rejected", provider_code: "invalid_api_key" },
      ],
      ["402", reply(402, { error: { message: "Credit limit exceeded" } }), { outcome: "valid", reason: "billing" }],
    ],
  },
  FIREWORKS: {
    asks: "GET https://api.fireworks.ai/v1/accounts?pageSize=1",
    key: bearer,
    rows: [
      [
        "200 with an account",
        reply(200, { accounts: [{ name: "accounts/acme", state: "READY" }], totalSize: 1 }),
        { outcome: "valid" },
      ],
      [
        "401",
        reply(401, { error: { code: "UNAUTHORIZED", message: "The API key you provided is invalid." } }),
        { outcome: "rejected", provider_code: "UNAUTHORIZED" },
      ],
      [
        "403, Fire Pass",
        reply(403, { error: { code: "FORBIDDEN", message: "Fire Pass API keys are not authorized for this route." } }),
        { outcome: "valid", reason: "fire_pass" },
      ],
      ["403, something else", reply(403, { error: { code: "FORBIDDEN", message: "no" } }), unexpected],
      [
        "401 of the control plane",
        reply(401, { code: 16, message: "invalid api key", details: [] }),
        { outcome: "rejected" },
      ],
      ["412, somebody's", reply(412, { message: "The proxy is suspended" }), unexpected],
      [
        "412, suspended",
        reply(412, { error: { message: "Account acme is suspended" } }),
        { outcome: "forbidden", reason: "account_on_hold" },
      ],
      [
        "500 without deployments",
        reply(500, "Error listing deployed models"),
        { outcome: "unreachable", reason: "unavailable" },
      ],
    ],
  },
};

/** What anything in between may answer for any provider: never valid, never condemning. */
const hostile: Row[] = [
  ["200, a captive portal", reply(200, "<html>Sign in to Wi-Fi</html>"), unexpected],
  ["200, nothing", () => new Response(null, { status: 200 }), unexpected],
  ["204", () => new Response(null, { status: 204 }), unexpected],
  ["200, half a body", () => new Response('{"data":[{"id":"a"'), unexpected],
  ["200, another schema", reply(200, { ok: true }), unexpected],
  ["200, a JSON text", () => new Response('"data"'), unexpected],
  ["200, null", () => new Response("null"), unexpected],
  ["200, an empty object", reply(200, {}), unexpected],
  ["200, an empty array", reply(200, []), unexpected],
  [
    "200, __proto__ with the shape",
    () => new Response('{"__proto__":{"data":[],"models":[],"valid":true}}'),
    unexpected,
  ],
  ["200, 5 MB", () => new Response(`{"data":["${"a".repeat(5_000_000)}"]}`), unexpected],
  ["401, a firewall's page", reply(401, "<html>Access denied</html>"), unexpected],
  ["401, an empty object", reply(401, {}), unexpected],
  ["401, an empty array", reply(401, []), unexpected],
  ["401, a gateway's word", reply(401, { message: "Unauthorized" }), unexpected],
  ["401, an outage", reply(401, { error: "service temporarily unavailable" }), unexpected],
  ["401, an outage of keys", reply(401, { error: { message: "API key service unavailable" } }), unexpected],
  ["402, an empty object", reply(402, {}), unexpected],
  ["402, somebody's error", reply(402, { error: "no" }), unexpected],
  ["402, somebody's message", reply(402, { error: { message: "no" }, message: "no" }), unexpected],
  ["403, an empty object", reply(403, {}), unexpected],
  ["403, somebody's scope", reply(403, { error: "missing scopes: x" }), unexpected],
  ["403, a firewall's page", reply(403, "<html>Attention required</html>"), unexpected],
  ["404, a page", reply(404, "<html>"), unexpected],
  ["407", reply(407, { error: "proxy" }), unexpected],
  ["429, a page", reply(429, "<html>"), { outcome: "rate_limited" }],
  ["502, a page", reply(502, "<html>"), { outcome: "unreachable", reason: "unavailable" }],
  ["301", reply(301, "", { location: "https://evil.example" }), unexpected],
  ["308", reply(308, "", { location: "https://evil.example" }), unexpected],
  ["silence", timedOut, { outcome: "unreachable" }],
];

describe.each(Object.entries(providers))("%s answers", (code, { asks, key, rows }) => {
  test.each(rows)("%s", async (_, answer, finding) => {
    const { found, sent } = await probe(code, fakeKey(code), answer);
    expect(found).toMatchObject(finding);
    expect(urlsOf(sent)).toEqual([asks]);
    expect(sent.map(key)).toEqual([fakeKey(code)]); // asked once, key where it belongs
    expect(sent[0]?.redirect).toBe("manual");
  });
});

const keyed = registry.entries.filter(({ credential_type }) => credential_type === "api_key");
describe.each(keyed.map(({ code }) => code))("whatever stands before %s,", (code) => {
  test.each(hostile)("%s neither blesses nor condemns a key", async (_, answer, finding) => {
    expect((await probe(code, fakeKey(code), answer)).found).toMatchObject(finding);
  });
  test("an echo of the key leaves no trace of it", async () => {
    const key = fakeKey(code);
    const echo = {
      error: { message: key, code: key, type: key, status: key, details: [{ reason: key }] },
      code: key,
      type: key,
      request_id: key,
      message: key,
    };
    for (const status of [200, 400, 401, 403, 404, 429, 500]) {
      const { verdict } = await attemptOf(code, key, reply(status, echo, { "x-request-id": key, "request-id": key }));
      expect(JSON.stringify(verdict)).not.toContain(key.slice(-12));
      expect(verdict.outcome).not.toBe("valid");
    }
  });
  test("a made-up key is not valid by any bare refusal", async () => {
    for (const status of [400, 401, 403, 404, 409, 422]) {
      expect((await probe(code, fakeKey(code), reply(status, { error: "no" }))).found.outcome).not.toBe("valid");
    }
  });
});

test("every provider that YAML alone describes has its table", () => {
  const described = registry.entries
    .filter(({ probe: how }) => how !== undefined && !("protocol" in how))
    .map(({ code }) => code);
  expect(Object.keys(providers)).toEqual(described);
});
test("whoever is told that a permission is missing is told which: every such rule has its own text", () => {
  const nameless = registry.entries.flatMap(({ code, probe: how, reasons }) =>
    (how === undefined || "protocol" in how ? [] : how.rules)
      .filter(({ then, reason }) => then === "forbidden" && !Object.hasOwn(reasons, reason ?? ""))
      .map(({ reason }) => `${code} ${reason}`),
  );
  expect(nameless).toEqual([]);
});
test("GEMINI warns of its older keys even when they work", async () => {
  const { verdict } = await attemptOf("GEMINI", `AIza${"a".repeat(35)}`, reply(200, { models: [] }));
  expect(verdict).toMatchObject({
    outcome: "valid",
    warnings: ["key_type_deprecated"],
    reason: "key_type_deprecated",
    remedy: expect.stringMatching(/September 2026/),
  });
});
