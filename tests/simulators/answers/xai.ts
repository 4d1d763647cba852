import { answer, type Fixture, type Json } from "../fixture.ts";
import { modelList, undocumented } from "./openai-like.ts";

const source = "docs.x.ai/docs/api-reference, GET /v1/api-key";

function keyInfo(
  flag: "team_blocked" | "api_key_blocked" | "api_key_disabled" | null,
  acls = ["api-key:model:*", "api-key:endpoint:*"],
): Json {
  return {
    redacted_api_key: "xai-...{ends}",
    user_id: "00000000-0000-4000-8000-000000000001",
    name: "CloudAct",
    create_time: "{iso:-80}",
    modify_time: "{iso:-80}",
    modified_by: "00000000-0000-4000-8000-000000000001",
    team_id: "00000000-0000-4000-8000-000000000002",
    acls,
    api_key_id: "00000000-0000-4000-8000-000000000003",
    team_blocked: flag === "team_blocked",
    api_key_blocked: flag === "api_key_blocked",
    api_key_disabled: flag === "api_key_disabled",
  };
}

export const xai: readonly Fixture[] = [
  answer("ok", 200, "valid", source, keyInfo(null)),
  answer("team_blocked", 200, ["forbidden", "account_on_hold"], `${source}: team_blocked`, keyInfo("team_blocked")),
  answer("key_blocked", 200, ["rejected", "key_blocked"], `${source}: api_key_blocked`, keyInfo("api_key_blocked")),
  answer("key_disabled", 200, ["rejected", "key_disabled"], `${source}: api_key_disabled`, keyInfo("api_key_disabled")),
  answer("no_acls", 200, null, `${source}: acls`, keyInfo(null, [])),
  answer("models", 200, null, "docs.x.ai: GET /v1/models", modelList("grok-demo")),
  answer("missing", 401, "rejected", "GH 70369708409", {
    code: "unauthenticated:no-credentials",
    error: "No credentials provided",
  }),
  answer("rejected", 400, "rejected", "github.com/continuedev/continue/issues/10778; GH 70369708409: 400, not 401", {
    code: "Client specified an invalid argument",
    error: "Incorrect API key provided: {ends}. You can obtain an API key from https://console.x.ai.",
  }),
  answer("rejected_new", 400, "rejected", "GH 56735401312: the newer code", {
    code: "invalid-argument",
    error: "Incorrect API key provided: {ends}.",
  }),
  answer(
    "rejected_escaped",
    400,
    "rejected",
    "github.com/i-am-bee/beeai-framework/issues/447 (2025-03): blanks as %20",
    { code: "Client%20specified%20an%20invalid%20argument", error: "Incorrect%20API%20key%20provided:%20{ends}." },
  ),
  answer("billing", 402, ["valid", "billing"], "undocumented; HTTP 402", {
    code: "payment-required",
    error: "Your team has run out of credits.",
  }),
  answer(
    "limited",
    429,
    "rate_limited",
    "docs.x.ai: rate limits",
    { code: "resource-exhausted", error: "Too many requests. Please slow down." },
    { "retry-after": "2" },
  ),
  answer("outage", 503, "unreachable", "docs.x.ai: errors", {
    code: "unavailable",
    error: "The service is currently unavailable.",
  }),
  ...undocumented((message, word) => ({ code: word, error: message })),
];
