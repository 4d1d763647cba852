import { answer, type Fixture, type Json } from "../fixture.ts";

const source = "ai.google.dev/gemini-api/docs and google.api.ErrorReason, read 2026-11-20";

function info(reason: string): Json {
  return {
    "@type": "type.googleapis.com/google.rpc.ErrorInfo",
    reason,
    domain: "googleapis.com",
    metadata: { service: "generativelanguage.googleapis.com" },
  };
}

function error(code: number, status: string, message: string, reason: string | null = null): Json {
  const localized: Json = { "@type": "type.googleapis.com/google.rpc.LocalizedMessage", locale: "en-US", message };
  return {
    error: reason === null ? { code, message, status } : { code, message, status, details: [info(reason), localized] },
  };
}

function blocked(name: string, reason: string, what: string): Fixture {
  return answer(
    name,
    403,
    "forbidden",
    source,
    error(403, "PERMISSION_DENIED", `Requests ${what} are blocked.`, reason),
  );
}

const invalid = error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID");

export const gemini: readonly Fixture[] = [
  answer("ok", 200, "valid", source, {
    models: [
      {
        name: "models/gemini-demo",
        version: "001",
        displayName: "Gemini (simulated)",
        supportedGenerationMethods: ["generateContent"],
      },
    ],
    nextPageToken: "demo",
  }),
  answer("model", 200, null, source, { name: "models/gemini-demo", version: "001", displayName: "Gemini (simulated)" }),
  answer(
    "missing",
    403,
    ["unreachable", "unexpected_response"],
    `${source} [MEM wording]`,
    error(
      403,
      "PERMISSION_DENIED",
      "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.",
    ),
  ),
  answer("rejected", 400, "rejected", source, invalid),
  answer("rejected_array", 400, "rejected", `${source}: the body as an array`, [invalid]),
  answer(
    "key_not_found",
    400,
    "rejected",
    source,
    error(400, "INVALID_ARGUMENT", "API Key not found. Please pass a valid API key.", "API_KEY_INVALID"),
  ),
  answer(
    "expired",
    400,
    "expired",
    `${source}: the same reason as a wrong key`,
    error(400, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", "API_KEY_INVALID"),
  ),
  answer(
    "leaked",
    403,
    ["rejected", "leaked"],
    source,
    error(403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
  ),
  answer(
    "key_type",
    401,
    ["rejected", "key_type_unsupported"],
    source,
    error(
      401,
      "UNAUTHENTICATED",
      "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.",
      "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    ),
  ),
  answer(
    "service_disabled",
    403,
    "forbidden",
    source,
    error(
      403,
      "PERMISSION_DENIED",
      "Generative Language API has not been used in project 000000000000 before or it is disabled.",
      "SERVICE_DISABLED",
    ),
  ),
  blocked("service_blocked", "API_KEY_SERVICE_BLOCKED", "to this API method"),
  blocked("ip_block", "API_KEY_IP_ADDRESS_BLOCKED", "from this IP address"),
  blocked("referrer_block", "API_KEY_HTTP_REFERRER_BLOCKED", "from this referrer"),
  blocked("android_block", "API_KEY_ANDROID_APP_BLOCKED", "from this Android client application"),
  blocked("ios_block", "API_KEY_IOS_APP_BLOCKED", "from this iOS client application"),
  answer(
    "billing",
    403,
    "forbidden",
    source,
    error(403, "PERMISSION_DENIED", "This API method requires billing to be enabled.", "BILLING_DISABLED"),
  ),
  answer(
    "region",
    400,
    ["unreachable", "region_blocked"],
    source,
    error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
  ),
  answer("limited", 429, "rate_limited", source, {
    error: {
      code: 429,
      message: "Resource has been exhausted (e.g. check quota).",
      status: "RESOURCE_EXHAUSTED",
      details: [{ "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "7s" }],
    },
  }),
  answer(
    "outage",
    503,
    "unreachable",
    source,
    error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
  ),
  answer("server_error", 500, "unreachable", source, error(500, "INTERNAL", "An internal error has occurred.")),
  answer(
    "own_mistake",
    400,
    ["unreachable", "unexpected_response"],
    "google/rpc/error_details.proto: a 400 that is not about the key",
    error(400, "INVALID_ARGUMENT", "Invalid value at 'page_size'.", "BAD_PAGE_SIZE"),
  ),
  answer(
    "not_found",
    404,
    ["unreachable", "unexpected_response"],
    `${source} (unverified)`,
    "<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>",
  ),
];
