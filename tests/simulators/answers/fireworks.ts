import { answer, type Fixture, type Json } from "../fixture.ts";
import { modelList, undocumented } from "./openai-like.ts";

function error(message: string, code: string): Json {
  return { error: { message, code, type: "error" } };
}

export const fireworks: readonly Fixture[] = [
  answer("ok", 200, null, "docs.fireworks.ai: GET /inference/v1/models", modelList("accounts/fireworks/models/demo")),
  answer("accounts", 200, "valid", "docs.fireworks.ai/api-reference: GET /v1/accounts", {
    accounts: [{ name: "accounts/demo", displayName: "Demo", state: "READY", accountType: "DEVELOPER" }],
    nextPageToken: "",
    totalSize: 1,
  }),
  answer("catalog", 200, null, "docs.fireworks.ai/api-reference: GET /v1/accounts/{id}/models", {
    models: [{ name: "accounts/fireworks/models/demo", displayName: "Demo", state: "READY" }],
    nextPageToken: "",
    totalSize: 1,
  }),
  answer(
    "fire_pass",
    403,
    ["valid", "fire_pass"],
    "configs/system/providers.yml: a live key of a pass, not of the control plane",
    error("Fire Pass API keys are not authorized to access this endpoint.", "FORBIDDEN"),
  ),
  answer(
    "missing",
    401,
    "rejected",
    "as a wrong key (unverified)",
    error("The API key you provided is invalid.", "UNAUTHORIZED"),
  ),
  answer(
    "rejected",
    401,
    "rejected",
    "GH 57356144020: captured live",
    error("The API key you provided is invalid.", "UNAUTHORIZED"),
  ),
  answer("rejected_control_plane", 401, "rejected", "gRPC gateway's shape (unverified)", {
    code: 16,
    message: "invalid api key",
    details: [],
  }),
  answer("rejected_403", 403, null, "older answer to a wrong key (unverified)", {
    fault: { faultstring: "Invalid ApiKey", detail: { errorcode: "oauth.v2.InvalidApiKey" } },
  }),
  answer(
    "listing_failed",
    500,
    "unreachable",
    "github.com/can1357/oh-my-pi/issues/3219 (2026-06): a live key",
    error("Error listing deployed models", "INTERNAL_SERVER_ERROR"),
  ),
  answer(
    "billing",
    412,
    ["forbidden", "account_on_hold"],
    "docs.fireworks.ai: suspended account answers 412; GH 56503425659",
    error(
      "Account demo is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices. Please go to https://fireworks.ai/account/billing for more information.",
      "PRECONDITION_FAILED",
    ),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    "docs.fireworks.ai: rate limits",
    error("Request rate limit exceeded", "RATE_LIMIT_EXCEEDED"),
    { "retry-after": "2", "x-ratelimit-remaining-requests": "0" },
  ),
  answer("outage", 503, "unreachable", "docs.fireworks.ai: 503", error("Service overloaded", "SERVICE_UNAVAILABLE")),
  ...undocumented((message, word) => error(message, word.toUpperCase())),
];
