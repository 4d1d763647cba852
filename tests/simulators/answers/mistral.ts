import { answer, type Fixture } from "../fixture.ts";
import { modelList, undocumented } from "./openai-like.ts";

export const mistral: readonly Fixture[] = [
  answer("ok", 200, "valid", "docs.mistral.ai/api, GET /v1/models", modelList("mistral-large-demo", "codestral-demo")),
  answer("missing", 401, "rejected", "gateway's answer without a key (unverified)", {
    message: "No API key found in request",
    request_id: "{request_id}",
  }),
  answer("rejected", 401, "rejected", "github.com/nextcloud/integration_openai/issues/332 (2026-01)", {
    detail: "Unauthorized",
  }),
  answer("rejected_gateway", 401, "rejected", "github.com/cline/cline/issues/1734 (2025-02)", {
    message: "Unauthorized",
    request_id: "{request_id}",
  }),
  answer("billing", 402, ["valid", "billing"], "undocumented; HTTP 402", {
    object: "error",
    message: "Payment required",
    type: "payment_required",
    param: null,
    code: "1900",
  }),
  answer(
    "limited",
    429,
    "rate_limited",
    "docs.mistral.ai: rate limits",
    { object: "error", message: "Rate limit exceeded", type: "rate_limited", param: null, code: "1300" },
    { "retry-after": "2", "x-ratelimit-remaining-req-minute": "0" },
  ),
  answer("outage", 503, "unreachable", "docs.mistral.ai: errors", {
    object: "error",
    message: "Service unavailable",
    type: "unreachable_backend",
    param: null,
    code: "1100",
  }),
  ...undocumented((message, word) => ({ object: "error", message, type: word, param: null, code: null })),
];
