import { answer, type Fixture, type Json } from "../fixture.ts";

const source = "openrouter.ai/docs/api/api-reference/api-keys/get-current-key";

function error(code: number, message: string, metadata: Json | null = null): Json {
  return { error: metadata === null ? { message, code } : { message, code, metadata } };
}

interface KeyInfo {
  limitRemaining: number | null;
  expiresAt: string | null;
  isManagementKey: boolean;
}

function keyInfo({ limitRemaining, expiresAt, isManagementKey }: KeyInfo): Json {
  return {
    data: {
      label: "sk-or-v1-dem...000",
      limit: limitRemaining === null ? null : 100,
      limit_remaining: limitRemaining,
      limit_reset: limitRemaining === null ? null : "monthly",
      usage: 25.5,
      usage_daily: 1.5,
      usage_weekly: 7.5,
      usage_monthly: 25.5,
      byok_usage: 0,
      byok_usage_daily: 0,
      byok_usage_weekly: 0,
      byok_usage_monthly: 0,
      creator_user_id: "user_demo",
      include_byok_in_limit: false,
      is_free_tier: false,
      is_management_key: isManagementKey,
      is_provisioning_key: isManagementKey,
      expires_at: expiresAt,
      rate_limit: { requests: 1000, interval: "1h", note: "This field is deprecated and safe to ignore." },
    },
  };
}

const plain: KeyInfo = { limitRemaining: null, expiresAt: null, isManagementKey: false };

export const openrouter: readonly Fixture[] = [
  answer("ok", 200, "valid", source, keyInfo(plain)),
  answer("ok_expiring", 200, "valid", `${source}: expires_at`, keyInfo({ ...plain, expiresAt: "{iso:10}" })),
  answer("no_limit_left", 200, "valid", `${source}: limit_remaining 0`, keyInfo({ ...plain, limitRemaining: 0 })),
  answer("management_key", 200, "valid", `${source}: is_management_key`, keyInfo({ ...plain, isManagementKey: true })),
  answer("models", 200, null, "openrouter.ai/docs: GET /models is public", {
    data: [{ id: "demo/model", name: "Demo", created: 1_755_000_000, pricing: { prompt: "0", completion: "0" } }],
  }),
  answer("credits", 200, null, "openrouter.ai/docs: GET /credits", { data: { total_credits: 100, total_usage: 25.5 } }),
  answer("missing", 401, "rejected", "GH 59140278805: the newer wording", error(401, "Missing Authentication header")),
  answer(
    "missing_older",
    401,
    "rejected",
    "github.com/RooCodeInc/Roo-Code/issues/2445 (2025-04)",
    error(401, "No auth credentials found"),
  ),
  answer(
    "rejected",
    401,
    "rejected",
    "github.com/apurvsinghgautam/robin/issues/103 (2026-02)",
    error(401, "User not found."),
  ),
  answer(
    "management_only",
    403,
    ["unreachable", "unexpected_response"],
    "openrouter.ai/docs: management routes",
    error(403, "Only management keys can perform this operation"),
  ),
  answer(
    "billing",
    402,
    ["valid", "billing"],
    "openrouter.ai/docs/api-reference/errors: 402",
    error(402, "Insufficient credits. Add more using https://openrouter.ai/settings/credits"),
  ),
  answer(
    "forbidden",
    403,
    ["unreachable", "unexpected_response"],
    "openrouter.ai/docs/api-reference/errors: 403, moderation or guardrail",
    error(403, "Access denied", { reasons: ["demo"] }),
  ),
  answer(
    "region",
    403,
    ["unreachable", "unexpected_response"],
    "undocumented; plausible for any HTTP API",
    error(403, "This service is not available in your region."),
  ),
  answer("limited", 429, "rate_limited", "openrouter.ai/docs/api-reference/limits", error(429, "Rate limit exceeded"), {
    "retry-after": "2",
    "x-ratelimit-limit": "20",
    "x-ratelimit-remaining": "0",
  }),
  answer(
    "outage",
    503,
    "unreachable",
    "openrouter.ai/docs/api-reference/errors: 503",
    error(503, "Service unavailable"),
  ),
  answer(
    "server_error",
    500,
    "unreachable",
    "openrouter.ai/docs/api-reference/errors: 500",
    error(500, "Internal Server Error"),
  ),
  answer(
    "not_found",
    404,
    ["unreachable", "unexpected_response"],
    "undocumented; plausible for any HTTP API",
    error(404, "Not Found"),
  ),
];
