// biome-ignore-all lint/suspicious/noThenProperty: the registry's grammar says `then`
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Reply } from "../../shared/contract/answer.ts";
import { Secret } from "../../shared/contract/secret.ts";
import { type AnswerRules, readAnswer } from "../../shared/registry/read-answer.ts";

const NOW = Date.parse("2026-11-20T12:00:00Z");
const credential = { api_key: new Secret("sk-canary-0123456789abcdef") };
const context = { credential, now: NOW };

const rules: AnswerRules = {
  success: { status: 200, has: "data", is: "array" },
  rules: [
    {
      status: 400,
      at: "error.details[].reason",
      equals: "DEAD",
      and: { at: "error.message", matches: "EXPIRED" },
      then: "expired",
    },
    { status: 400, at: "error.details[].reason", equals: "DEAD", then: "rejected" },
    { status: [402, 412], at: "error", then: "valid", reason: "billing" },
    { status: 200, at: "blocked", equals: true, then: "rejected", reason: "blocked" },
    { status: 418, then: "valid", reason: "teapot" },
    { status: 409, at: "gone", then: "rejected" },
    { status: 403, at: "error.code", equals: 7, then: "forbidden", reason: "seven" },
  ],
};

function reply(status: number, body?: unknown, headers: Record<string, string> = {}): Reply {
  return { status, body, headers: new Headers(headers) };
}

const dead = (message: string): unknown => ({ error: { message, details: [{ "@type": "x" }, { reason: "DEAD" }] } });

describe("an answer reads as", () => {
  test.each<[string, Parameters<typeof readAnswer>[1], Partial<ReturnType<typeof readAnswer>>]>([
    ["valid, with status and shape", reply(200, { data: [] }), { outcome: "valid", reason: null, http_status: 200 }],
    ["valid, inside a top-level array", reply(200, [{ data: [1] }]), { outcome: "valid" }],
    [
      "unexpected, with the status alone",
      reply(200, { rows: [] }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, with the shape alone",
      reply(206, { data: [] }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where what is there is null",
      reply(200, { data: null }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where what is there is of another kind",
      reply(200, { data: "<html>" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where the shape is only inherited",
      reply(200, Object.create({ data: [] })),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where the body is a JSON text",
      reply(200, "data"),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where the body is JSON null",
      reply(200, null),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["unexpected, where the body is no JSON", reply(200), { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "what a rule says, before success",
      reply(200, { data: [], blocked: true }),
      { outcome: "rejected", reason: "blocked" },
    ],
    ["expired, where both conditions hold", reply(400, dead("API key expired.")), { outcome: "expired", reason: null }],
    ["rejected, where only the first holds", reply(400, dead("API key not valid.")), { outcome: "rejected" }],
    [
      "what a rule for several statuses says",
      reply(412, { error: {} }),
      { outcome: "valid", reason: "billing", warnings: ["billing"] },
    ],
    ["what a rule for a number says", reply(403, { error: { code: 7 } }), { outcome: "forbidden", reason: "seven" }],
    [
      "unexpected, where the number comes as text",
      reply(403, { error: { code: "7" } }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, where a rule's status comes without JSON",
      reply(402),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["what a rule for the status alone says", reply(418, {}), { outcome: "valid", reason: "teapot" }],
    [
      "unexpected, where that status comes without JSON",
      reply(418),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["what a rule says that asks for something to be there", reply(409, { gone: false }), { outcome: "rejected" }],
    [
      "unexpected, where null is there",
      reply(409, { gone: null }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "rejected, a 401 whose error speaks of the key",
      reply(401, { error: { message: "Invalid API key provided." } }),
      { outcome: "rejected", reason: null },
    ],
    ["rejected, a 401 whose code does", reply(401, { error: { code: "invalid_api_key" } }), { outcome: "rejected" }],
    [
      "rejected, a 401 whose type does",
      reply(401, { error: { type: "authentication_error" } }),
      { outcome: "rejected" },
    ],
    ["rejected, a 401 whose text does", reply(401, { detail: "Invalid credentials" }), { outcome: "rejected" }],
    ["unexpected, a 401 without JSON", reply(401), { outcome: "unreachable", reason: "unexpected_response" }],
    [
      "unexpected, a 403 nobody knows",
      reply(403, { error: "x" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, a 404 nobody knows",
      reply(404, { error: "x" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    [
      "unexpected, a proxy's 407",
      reply(407, { error: "x" }),
      { outcome: "unreachable", reason: "unexpected_response" },
    ],
    ["unavailable, 408", reply(408, {}), { outcome: "unreachable", reason: "unavailable" }],
    ["unavailable, 425", reply(425, {}), { outcome: "unreachable", reason: "unavailable" }],
    ["unavailable, 500 in HTML", reply(500), { outcome: "unreachable", reason: "unavailable" }],
    ["unavailable, 529", reply(529, { type: "error" }), { outcome: "unreachable", reason: "unavailable" }],
    ["rate limited, 429", reply(429, { error: {} }), { outcome: "rate_limited" }],
    ["rate limited, 429 in HTML", reply(429), { outcome: "rate_limited" }],
    [
      "unreachable, after a time-out",
      { silence: "timeout" },
      { outcome: "unreachable", reason: "timeout", http_status: null },
    ],
    ["unreachable, without a connection", { silence: "connection" }, { outcome: "unreachable", reason: "connection" }],
    ["unexpected, a redirect", { silence: "redirect" }, { outcome: "unreachable", reason: "unexpected_response" }],
    ["unexpected, an oversized body", { silence: "body" }, { outcome: "unreachable", reason: "unexpected_response" }],
  ])("%s", (_, answer, finding) => {
    expect(readAnswer(rules, answer, context)).toMatchObject(finding);
  });

  test("never valid and never rejected where its body is no JSON, whatever its status", () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 999 }), (status) => {
        expect(["unreachable", "rate_limited"]).toContain(readAnswer(rules, reply(status), context).outcome);
      }),
    );
  });
});

describe("a 401 condemns a key that no rule names where it says", () => {
  test.each<[string, unknown]>([
    ["so in one word", { error: "Unauthorized" }],
    ["which it is", { error: { message: "Invalid key" } }],
    ["so by code", { error: { code: "invalid_key" } }],
    ["so by a code of two words", { errors: [{ code: "api-key-revoked" }] }],
    ["so at its top", { message: "Wrong key" }],
    ["so in a list of errors", { errors: [{ message: "Invalid API key" }] }],
    ["so in a list at the top", [{ error: { message: "API key not valid" } }]],
    ["so and offers another try", { error: "Invalid API key. Check it and try again later." }],
    ["so or something else", { error: { message: "Invalid API key or insufficient permissions" } }],
  ])("%s", (_, body) => {
    expect(readAnswer(rules, reply(401, body), context).outcome).toBe("rejected");
  });
});

describe("a 401 condemns no key where it is", () => {
  test.each<[string, unknown]>([
    ["an empty object", {}],
    ["an empty array", []],
    ["a text", "Invalid API key"],
    ["a gateway's bare word", { message: "Unauthorized" }],
    ["an outage", { error: "service temporarily unavailable" }],
    ["an outage of authentication", { error: { message: "Authentication service temporarily unavailable" } }],
    [
      "an outage that its type calls otherwise",
      { error: { type: "authentication_error", message: "Upstream timed out" } },
    ],
    ["a proxy's own sign-in", { message: "Proxy authentication required" }],
    ["a gateway's time-out", { error: { message: "Gateway timeout while checking the token" } }],
    ["maintenance", { detail: "Authentication is under maintenance" }],
    ["money", { error: { message: "This API key has no quota left", type: "insufficient_quota" } }],
    ["a missing permission", { error: { message: "This API key lacks the permission models.read" } }],
    ["a broken answer from within", { error: "Invalid response from upstream token service" }],
    ["an address", { error: { message: "IP address not allowed for this API key" } }],
    ["about something else", { error: { message: "No such model" } }],
    ["without an error member", { reason: "Invalid API key" }],
    ["only inherited", Object.create({ error: "Invalid API key" })],
    ["no text", { error: { message: 401, code: null } }],
  ])("%s", (_, body) => {
    expect(readAnswer(rules, reply(401, body), context)).toMatchObject({
      outcome: "unreachable",
      reason: "unexpected_response",
    });
  });
});

describe("the wait a provider asks for", () => {
  test.each<[string, Record<string, string>, unknown, number | null]>([
    ["is its seconds", { "retry-after": "30" }, {}, 30],
    ["is rounded up", { "retry-after": "1.2" }, {}, 2],
    ["is capped at 15 minutes", { "retry-after": "3600" }, {}, 900],
    ["is capped when absurd", { "retry-after": "99999999999999999999" }, {}, 900],
    ["is its date", { "retry-after": "Fri, 20 Nov 2026 12:01:00 GMT" }, {}, 60],
    ["is none when the date has passed", { "retry-after": "Fri, 20 Nov 2026 11:00:00 GMT" }, {}, null],
    ["is none when negative", { "retry-after": "-5" }, {}, null],
    ["is none when garbage", { "retry-after": "soon" }, {}, null],
    ["is none when endless garbage", { "retry-after": "9".repeat(5_000) }, {}, null],
    ["is none when not said", {}, {}, null],
    ["is its milliseconds first", { "retry-after-ms": "1500", "retry-after": "30" }, {}, 2],
    ["is Google's RetryInfo", {}, { error: { details: [{ retryDelay: "17.5s" }] } }, 18],
    ["is none when RetryInfo is garbage", {}, { error: { details: [{ retryDelay: "17 minutes" }] } }, null],
  ])("%s", (_, headers, body, seconds) => {
    expect(readAnswer(rules, reply(429, body, headers), context).retry_after_s).toBe(seconds);
  });
});

describe("of a provider's words a finding keeps", () => {
  const readCode = (body: unknown): string | null => readAnswer(rules, reply(401, body), context).provider_code;
  test.each<[string, unknown, string | null]>([
    ["the code", { error: { code: "invalid_api_key", type: "invalid_request_error" } }, "invalid_api_key"],
    [
      "the type where there is no code",
      { error: { code: null, type: "invalid_request_error" } },
      "invalid_request_error",
    ],
    [
      "Google's reason",
      { error: { code: 400, status: "INVALID_ARGUMENT", details: [{ reason: "API_KEY_INVALID" }] } },
      "API_KEY_INVALID",
    ],
    ["no sentence", { error: "Incorrect API key provided: sk-abc***." }, null],
    ["nothing over 64 characters", { error: { code: "a".repeat(65) } }, null],
    ["no echo of the key", { error: { code: "sk-canary-0123456789abcdef" } }, null],
    ["no piece of the key", { error: { code: "bad:0123456789" } }, null],
    ["no beginning of the key", { error: { code: "sk-can" } }, null],
    ["no control characters", { error: { code: "a\u001b[31mb" } }, null],
  ])("%s", (_, body, code) => {
    expect(readCode(body)).toBe(code);
  });
  test.each<[string, Record<string, string>, unknown, string | null]>([
    ["the request id of OpenAI", { "x-request-id": "req_01abc" }, {}, "req_01abc"],
    ["the request id of Anthropic", { "request-id": "req_02" }, {}, "req_02"],
    ["the request id in a body", {}, { request_id: "req_03" }, "req_03"],
    ["no echo of the key as request id", { "x-request-id": "sk-canary-0123456789abcdef" }, {}, null],
  ])("%s", (_, headers, body, id) => {
    expect(readAnswer(rules, reply(401, body, headers), context).provider_request_id).toBe(id);
  });
  test("nothing else: a finding never holds the key, whatever the provider answers", () => {
    const key = credential.api_key.reveal();
    const text = fc.oneof(
      fc.string(),
      fc.constant(key),
      fc.string().map((tail) => `${key}${tail}`),
      fc.constant(key.slice(4, 16)),
    );
    const body = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small" },
        text,
        fc.integer(),
        fc.array(tie("any")),
        fc.dictionary(
          fc.constantFrom("error", "code", "type", "details", "reason", "request_id", "message", "data"),
          tie("any"),
        ),
      ),
    })).any;
    fc.assert(
      fc.property(fc.integer({ min: 200, max: 599 }), body, (status, answer) => {
        const finding = JSON.stringify(readAnswer(rules, reply(status, answer), context));
        expect(finding).not.toContain(key.slice(4, 16));
      }),
    );
  });
});

test("an expiry that the answer states is kept, and nonsense is not", () => {
  const expiring: AnswerRules = { success: { status: 200, has: "data", expires: "data.expires_at" }, rules: [] };
  const expiry = (text: unknown): string | null =>
    readAnswer(expiring, reply(200, { data: { expires_at: text } }), context).expires_at;
  expect(expiry("2027-12-31T23:59:59Z")).toBe("2027-12-31T23:59:59.000Z");
  for (const nonsense of ["tomorrow", "2027", 5, null, "2027-99-99T00:00:00Z"]) expect(expiry(nonsense)).toBeNull();
});
