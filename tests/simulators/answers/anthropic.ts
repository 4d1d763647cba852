import { answer, type Fixture, type Json } from "../fixture.ts";

const source = "platform.claude.com/docs/en/api/errors, read 2026-11-20";

function error(type: string, message: string, code: string | null = null): Json {
  const inner: Json = code === null ? { type, message } : { type, message, details: { error_code: code } };
  return { type: "error", error: inner, request_id: "{request_id}" };
}

function key(id: string, status: string, expiresAt: string | null, hint = "sk-ant-api03-dem...0000"): Json {
  return {
    id,
    type: "api_key",
    name: id,
    status,
    expires_at: expiresAt,
    created_at: "{iso:-80}",
    created_by: { id: "user_demo", type: "user" },
    partial_key_hint: hint,
    workspace_id: null,
  };
}

const page = { has_more: false, next_page: null };

export const anthropic: readonly Fixture[] = [
  answer("ok", 200, "valid", source, {
    data: [
      {
        type: "model",
        id: "claude-sonnet-demo",
        display_name: "Claude Sonnet (simulated)",
        created_at: "2026-02-01T00:00:00Z",
      },
    ],
    has_more: true,
    first_id: "claude-sonnet-demo",
    last_id: "claude-sonnet-demo",
  }),
  answer("organization", 200, "valid", `${source}, organizations/me`, {
    id: "00000000-0000-4000-8000-00000000demo",
    type: "organization",
    name: "Demo Organization",
  }),
  answer("cost_report", 200, null, `${source}, cost_report`, {
    data: [
      {
        starting_at: "{iso:-1}",
        ending_at: "{iso:0}",
        results: [{ currency: "USD", amount: "420.00", workspace_id: null, description: null }],
      },
    ],
    ...page,
  }),
  answer("usage_report", 200, null, `${source}, usage_report/messages`, {
    data: [
      {
        starting_at: "{iso:-1}",
        ending_at: "{iso:0}",
        results: [{ uncached_input_tokens: 1200, output_tokens: 340, model: null }],
      },
    ],
    ...page,
  }),
  answer("analytics", 200, null, `${source}, analytics/cost and analytics/usage`, {
    data: [{ starting_at: "{iso:-1}", ending_at: "{iso:0}", results: [] }],
    ...page,
    data_refreshed_at: "{iso:0}",
  }),
  answer("api_keys", 200, null, `${source}, organizations/api_keys`, {
    data: [key("apikey_demo_active", "active", "{iso:10}"), key("apikey_demo_expired", "expired", "{iso:-1}")],
    has_more: false,
    first_id: "apikey_demo_active",
    last_id: "apikey_demo_expired",
  }),
  answer("api_keys_with_admin", 200, null, `${source}, organizations/api_keys, were admin keys listed (unverified)`, {
    data: [
      key("apikey_demo_active", "active", "{iso:20}"),
      key("apikey_demo_admin", "active", "{iso:10}", "sk-ant-admin01-demo-expiring...0000"),
    ],
    has_more: false,
    first_id: "apikey_demo_active",
    last_id: "apikey_demo_admin",
  }),
  answer(
    "missing",
    401,
    "rejected",
    `${source} [MEM wording]`,
    error("authentication_error", "x-api-key header is required"),
  ),
  answer("rejected", 401, "rejected", source, error("authentication_error", "invalid x-api-key")),
  answer(
    "oauth_token",
    401,
    "rejected",
    source,
    error("authentication_error", "OAuth authentication is currently not supported."),
  ),
  answer(
    "cors",
    401,
    ["service_misconfigured", "cors"],
    `${source}: not a key problem`,
    error("authentication_error", "CORS requests are not allowed for this Organization because of its settings."),
  ),
  answer(
    "disabled_404",
    404,
    "rejected",
    `${source}: observed by TruffleHog on the bare collection; counts when seen twice`,
    error("not_found_error", "Not found"),
  ),
  answer(
    "creator_left",
    400,
    "rejected",
    source,
    error(
      "invalid_request_error",
      "The creator of this API key is no longer a member of the workspace.",
      "claude_code_key_creator_not_member",
    ),
  ),
  answer("on_hold", 400, ["forbidden", "account_on_hold"], source, {
    type: "error",
    error: {
      type: "invalid_request_error",
      message: "This organization has been disabled.",
      details: { error_code: "organization_on_hold", appeal_url: "https://example.invalid/appeal" },
    },
    request_id: "{request_id}",
  }),
  answer(
    "forbidden",
    403,
    "forbidden",
    source,
    error("permission_error", "Your API key does not have permission to use the specified resource."),
  ),
  answer(
    "missing_scope",
    403,
    "forbidden",
    source,
    error("permission_error", "Your API key lacks a scope that this request needs.", "api_key_scope_missing"),
  ),
  answer(
    "org_level_key_required",
    403,
    "forbidden",
    source,
    error(
      "permission_error",
      "An organization-level scoped API key is required.",
      "organization_level_scoped_api_key_required",
    ),
  ),
  answer(
    "egress_restricted",
    403,
    "forbidden",
    source,
    error("permission_error", "Egress from this sandbox is restricted.", "sandbox_egress_restricted"),
  ),
  answer(
    "org_type",
    400,
    "forbidden",
    source,
    error("invalid_request_error", "This organization type is not supported.", "organization_type_not_supported"),
  ),
  answer(
    "parent_required",
    400,
    "forbidden",
    source,
    error("invalid_request_error", "A parent organization is required.", "parent_organization_required"),
  ),
  answer(
    "billing",
    402,
    ["valid", "billing"],
    source,
    error("billing_error", "There is an issue with your billing or payment information."),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    source,
    error("rate_limit_error", "This request would exceed your organization's rate limit.", "ramp_limit_exceeded"),
    {
      "retry-after": "3",
      "anthropic-ratelimit-requests-remaining": "0",
      "anthropic-ratelimit-requests-reset": "{iso:0}",
    },
  ),
  answer(
    "spend_limit",
    429,
    "rate_limited",
    `${source}: no retry-after, lasts to the next month`,
    error("rate_limit_error", "You have reached your specified API usage limits.", "enforced_spend_limit_reached"),
  ),
  answer(
    "contract_limit",
    429,
    "rate_limited",
    `${source}: no retry-after`,
    error("rate_limit_error", "You have reached your contract's spend limit.", "contract_spend_limit_reached"),
  ),
  answer("outage", 529, "unreachable", source, error("overloaded_error", "Overloaded")),
  answer("timeout", 504, "unreachable", source, error("timeout_error", "The request timed out.")),
  answer("server_error", 500, "unreachable", source, error("api_error", "Internal server error")),
  answer("unavailable", 503, "unreachable", source, error("api_error", "Service unavailable")),
  answer("region", 403, ["unreachable", "region_blocked"], `${source} (unverified)`, {
    error: { type: "forbidden", message: "Request not allowed" },
  }),
  answer(
    "no_version",
    400,
    "service_misconfigured",
    source,
    error("invalid_request_error", "anthropic-version: header is required"),
  ),
  answer("not_found", 404, null, `${source} (unverified)`, error("not_found_error", "Not Found")),
];
