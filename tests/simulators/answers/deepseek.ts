import { answer, type Fixture, type Json } from "../fixture.ts";

const source = "platform.deepseek.com/api-docs/quick_start/error_codes, read 2026-11-20";

function error(message: string, type: string, code: string): Json {
  return { error: { message, type, param: null, code } };
}

function balance(isAvailable: boolean, total: string): Json {
  return {
    is_available: isAvailable,
    balance_infos: [{ currency: "USD", total_balance: total, granted_balance: "0.00", topped_up_balance: total }],
  };
}

export const deepseek: readonly Fixture[] = [
  answer("ok", 200, "valid", source, balance(true, "110.00")),
  answer(
    "ok_leading_newlines",
    200,
    "valid",
    `${source}: keep-alive blank lines first (H8)`,
    `\n\n\n${JSON.stringify(balance(true, "110.00"))}`,
    { "content-type": "application/json" },
  ),
  answer(
    "no_balance",
    200,
    ["valid", "balance_empty"],
    `${source}: is_available false is still a live key`,
    balance(false, "0.00"),
  ),
  answer("models", 200, null, source, {
    object: "list",
    data: [{ id: "deepseek-chat", object: "model", owned_by: "deepseek" }],
  }),
  answer(
    "missing",
    401,
    ["unreachable", "unexpected_response"],
    "GH 69325429267: plain text",
    "Authentication Fails (governor)",
    {
      "content-type": "text/plain",
    },
  ),
  answer(
    "rejected",
    401,
    "rejected",
    source,
    error(
      "Authentication Fails, Your api key: {last4} is invalid (request_id: {request_id})",
      "authentication_error",
      "invalid_request_error",
    ),
  ),
  answer(
    "billing",
    402,
    ["valid", "billing"],
    source,
    error("Insufficient Balance", "unknown_error", "invalid_request_error"),
  ),
  answer(
    "forbidden",
    403,
    ["unreachable", "unexpected_response"],
    "undocumented",
    error("Forbidden", "permission_error", "forbidden"),
  ),
  answer(
    "bad_format",
    400,
    ["unreachable", "unexpected_response"],
    source,
    error("Invalid format", "invalid_request_error", "invalid_request_error"),
  ),
  answer(
    "bad_parameters",
    422,
    ["unreachable", "unexpected_response"],
    source,
    error("Invalid parameters", "invalid_request_error", "invalid_request_error"),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    source,
    error("Rate limit reached", "rate_limit_error", "rate_limit_reached"),
    { "retry-after": "5" },
  ),
  answer("outage", 503, "unreachable", source, error("Server overloaded", "server_error", "server_overloaded")),
  answer("server_error", 500, "unreachable", source, error("Server error", "server_error", "internal_error")),
  answer(
    "not_found",
    404,
    ["unreachable", "unexpected_response"],
    "undocumented",
    error("Not Found", "invalid_request_error", "not_found"),
  ),
];
