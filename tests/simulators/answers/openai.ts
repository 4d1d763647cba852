import { answer, type Fixture, type Json } from "../fixture.ts";

const source = "developers.openai.com/docs/guides/error-codes, read 2026-11-20";

function error(message: string, type: string, code: string | null, param: string | null = null): Json {
  return { error: { message, type, param, code } };
}

function model(id: string, owner: string): Json {
  return { id, object: "model", created: 1_755_000_000, owned_by: owner };
}

function missingScopes(name: string, status: 401 | 403, scope: string): Fixture {
  const message = `You have insufficient permissions for this operation. Missing scopes: ${scope}. Check that you have the correct role in your organization (Reader, Writer, Owner), and if you're using a restricted API key, that it has the necessary scopes.`;
  return answer(name, status, "valid", source, error(message, "invalid_request_error", null));
}

export const openai: readonly Fixture[] = [
  answer("ok", 200, "valid", source, {
    object: "list",
    data: [model("gpt-5.1", "system"), model("gpt-5.1-mini", "system"), model("text-embedding-3-small", "system")],
  }),
  answer("no_models", 200, "valid", source, { object: "list", data: [] }),
  answer("costs", 200, null, `${source}, costs`, {
    object: "page",
    data: [
      {
        object: "bucket",
        start_time: "{days:-1}",
        end_time: "{days:0}",
        results: [
          {
            object: "organization.costs.result",
            amount: { value: 4.2, currency: "usd" },
            line_item: null,
            project_id: null,
          },
        ],
      },
    ],
    has_more: false,
    next_page: null,
  }),
  answer("usage", 200, null, `${source}, usage/completions`, {
    object: "page",
    data: [
      {
        object: "bucket",
        start_time: "{days:-1}",
        end_time: "{days:0}",
        results: [
          {
            object: "organization.usage.completions.result",
            input_tokens: 1200,
            output_tokens: 340,
            num_model_requests: 7,
          },
        ],
      },
    ],
    has_more: false,
    next_page: null,
  }),
  answer("admin_keys", 200, null, `${source}, admin_api_keys`, adminKeys(null)),
  answer("admin_keys_expiring", 200, null, `${source}, admin_api_keys with expires_at`, adminKeys("{days:10}")),
  answer(
    "missing",
    401,
    "rejected",
    `${source} [MEM wording]`,
    error(
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
      "invalid_request_error",
      null,
    ),
  ),
  answer(
    "rejected",
    401,
    "rejected",
    source,
    error(
      "Incorrect API key provided: {mask}. You can find your API key at https://platform.openai.com/account/api-keys.",
      "invalid_request_error",
      "invalid_api_key",
    ),
  ),
  missingScopes("missing_scope_models", 403, "api.model.read"),
  missingScopes("missing_scope_models_401", 401, "api.model.read"),
  missingScopes("missing_scope_usage", 403, "api.usage.read"),
  missingScopes("missing_scope_usage_401", 401, "api.usage.read"),
  missingScopes("missing_scope_admin_keys", 403, "api.management.read"),
  answer("forbidden_string", 403, "valid", `${source}: error as a plain string`, {
    error: "You have insufficient permissions for this operation. Missing scopes: api.usage.read.",
  }),
  answer(
    "wrong_org",
    401,
    ["forbidden", "wrong_organization"],
    source,
    error(
      "OpenAI-Organization header should match organization for API key",
      "invalid_request_error",
      "mismatched_organization",
    ),
  ),
  answer(
    "wrong_project",
    401,
    ["forbidden", "wrong_organization"],
    `${source} (unverified)`,
    error("OpenAI-Project header should match project for API key", "invalid_request_error", "mismatched_project"),
  ),
  answer(
    "no_member",
    401,
    "forbidden",
    source,
    error(
      "You must be a member of an organization to use the API. Please contact us at help.openai.com.",
      "invalid_request_error",
      "organization_membership_required",
    ),
  ),
  answer(
    "ip_block",
    401,
    ["forbidden", "ip_allowlist"],
    source,
    error("Your IP is not authorized to access this project.", "invalid_request_error", "ip_not_authorized"),
  ),
  answer(
    "region",
    403,
    ["unreachable", "region_blocked"],
    source,
    error("Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"),
  ),
  answer(
    "limited",
    429,
    "rate_limited",
    source,
    error("Rate limit reached for requests. Please try again in 2s.", "requests", "rate_limit_exceeded"),
    {
      "retry-after": "2",
      "retry-after-ms": "2000",
      "x-ratelimit-limit-requests": "60",
      "x-ratelimit-remaining-requests": "0",
      "x-ratelimit-reset-requests": "2s",
      "x-should-retry": "true",
    },
  ),
  answer(
    "slow_down",
    429,
    "rate_limited",
    source,
    error("Your request rate has increased too quickly. Please slow down.", "slow_down", "slow_down"),
  ),
  answer(
    "no_quota",
    429,
    ["valid", "billing"],
    source,
    error(
      "You exceeded your current quota, please check your plan and billing details.",
      "insufficient_quota",
      "insufficient_quota",
    ),
  ),
  answer(
    "no_credit",
    429,
    ["valid", "billing"],
    source,
    error("Your credit balance is exhausted.", "insufficient_quota", "credit_balance_exhausted"),
  ),
  answer(
    "org_spend_limit",
    429,
    ["valid", "billing"],
    source,
    error("Your organization reached its spend limit.", "insufficient_quota", "organization_spend_limit_exceeded"),
  ),
  answer(
    "project_spend_limit",
    429,
    ["valid", "billing"],
    source,
    error("Your project reached its spend limit.", "insufficient_quota", "project_spend_limit_exceeded"),
  ),
  answer(
    "org_usage_limit",
    429,
    ["valid", "billing"],
    source,
    error("Your organization reached its usage limit.", "insufficient_quota", "organization_usage_limit_exceeded"),
  ),
  answer(
    "outage",
    503,
    "unreachable",
    source,
    error(
      "The server is currently overloaded with other requests. Sorry about that! Please try again later.",
      "server_error",
      "server_is_overloaded",
    ),
  ),
  answer(
    "server_error",
    500,
    "unreachable",
    source,
    error("The server had an error while processing your request. Sorry about that!", "server_error", null),
  ),
  answer(
    "not_found",
    404,
    ["unreachable", "unexpected_response"],
    `${source} (unverified)`,
    error("Invalid URL ({path})", "invalid_request_error", null),
  ),
];

function adminKeys(expiresAt: string | null): Json {
  const owner = {
    type: "user",
    id: "user-demo",
    object: "organization.user",
    name: "Demo Owner",
    role: "owner",
    created_at: 1_755_000_000,
  };
  const key = {
    object: "organization.admin_api_key",
    id: "key_demo",
    name: "CloudAct",
    redacted_value: "{mask}",
    created_at: "{days:-80}",
    last_used_at: "{days:0}",
    expires_at: expiresAt,
    owner,
  };
  return { object: "list", data: [key], first_id: "key_demo", last_id: "key_demo", has_more: false };
}
