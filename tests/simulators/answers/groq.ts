import { answer, type Fixture, type Json } from "../fixture.ts";
import { modelList, undocumented } from "./openai-like.ts";

function error(message: string, type: string, code: string): Json {
  return { error: { message, type, code } };
}

export const groq: readonly Fixture[] = [
  answer(
    "ok",
    200,
    "valid",
    "console.groq.com/docs/api-reference#models-list",
    modelList("llama-demo", "whisper-demo"),
  ),
  answer(
    "missing",
    401,
    "rejected",
    "as a wrong key",
    error("Invalid API Key", "invalid_request_error", "invalid_api_key"),
  ),
  answer(
    "rejected",
    401,
    "rejected",
    "github.com/ag5826000/resume-commentor/issues/4 (2025-03, with headers)",
    error("Invalid API Key", "invalid_request_error", "invalid_api_key"),
  ),
  answer(
    "expired",
    401,
    "expired",
    "GH 55587244017: verbatim from a bug report",
    error("Invalid API Key", "invalid_request_error", "expired_api_key"),
  ),
  answer(
    "org_restricted",
    400,
    ["forbidden", "account_on_hold"],
    "kerlig.com/help/groq/troubleshooting; code (unverified)",
    error(
      "Organization has been restricted. Please reach out to support if you believe this was in error.",
      "invalid_request_error",
      "organization_restricted",
    ),
  ),
  answer(
    "model_blocked",
    403,
    ["unreachable", "unexpected_response"],
    "console.groq.com/docs: model permissions",
    error("The model is blocked at the project level.", "permissions_error", "model_permission_blocked_project"),
  ),
  answer("network_blocked", 403, ["unreachable", "region_blocked"], "Cloudflare's block (unverified)", {
    error: { message: "Access denied. Please check your network settings." },
  }),
  answer(
    "billing",
    402,
    ["valid", "billing"],
    "undocumented; HTTP 402",
    error("Payment required", "invalid_request_error", "blocked_api_access"),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    "console.groq.com/docs/rate-limits",
    error("Rate limit reached. Please try again in 2s.", "requests", "rate_limit_exceeded"),
    { "retry-after": "2", "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "2s" },
  ),
  answer(
    "flex_capacity",
    498,
    ["unreachable", "unexpected_response"],
    "console.groq.com/docs/flex-processing",
    error("Flex tier capacity exceeded", "invalid_request_error", "capacity_exceeded"),
  ),
  answer(
    "outage",
    503,
    "unreachable",
    "console.groq.com/docs/errors",
    error("Service Unavailable", "internal_server_error", "service_unavailable"),
  ),
  ...undocumented((message, word) => error(message, "invalid_request_error", word)),
];
