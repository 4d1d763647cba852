import { answer, type Fixture, type Json, type Transport } from "../fixture.ts";

const portal =
  "<!DOCTYPE html><html><head><title>Guest Wi-Fi</title></head><body><h1>Welcome! Please sign in to continue.</h1></body></html>";

/** A body that every provider's success rule would like, so that only the guard under test can refuse it. */
export const flattering: { [member: string]: Json } = {
  object: "list",
  type: "organization",
  id: "org_demo",
  name: "Demo",
  data: [{ id: "demo-model", object: "model" }],
  models: [{ name: "models/demo" }],
  balance_infos: [],
  is_available: true,
  valid: true,
  redacted_api_key: "demo",
  requests: [],
  accounts: [],
};

function by(transport: Transport, fixture: Fixture): Fixture {
  return { ...fixture, transport };
}

/** What can go wrong on the way to any provider. Names are the markers of keys where there is one. */
export const transportAnswers: readonly Fixture[] = [
  by("hang", answer("hang", 200, ["unreachable", "timeout"], "transport: hang", "")),
  by(
    "drip",
    answer("drip", 200, ["unreachable", "timeout"], "transport: drip, one byte a second (H7)", " ", {
      "content-type": "application/json",
    }),
  ),
  by("huge", answer("huge", 200, "unreachable", "transport: 5 MB body (H8)", flattering)),
  by("reset", answer("reset", 200, "unreachable", "ladder: connection reset mid-reply", flattering)),
  by(
    "redirect",
    answer("redirect", 307, "unreachable", "transport: 307 to a sink (H1, H2)", "", {
      location: "{origin}/sink{path}",
    }),
  ),
  answer("html", 200, ["unreachable", "unexpected_response"], "transport: captive portal (H2)", portal),
  answer(
    "html_503",
    503,
    "unreachable",
    "ladder: an outage",
    "<html><head><title>503 Service Temporarily Unavailable</title></head><body><center><h1>503 Service Temporarily Unavailable</h1></center><hr><center>nginx</center></body></html>",
  ),
  answer(
    "html_json_type",
    200,
    ["unreachable", "unexpected_response"],
    "transport: captive portal that claims to be JSON",
    portal,
    { "content-type": "application/json" },
  ),
  answer(
    "truncated",
    200,
    ["unreachable", "unexpected_response"],
    "ladder: non-JSON",
    '{"object":"list","data":[{"id":"demo-mo',
    { "content-type": "application/json" },
  ),
  answer("empty", 200, ["unreachable", "unexpected_response"], "ladder: empty body", "", {
    "content-type": "application/json",
  }),
  answer("null_body", 200, ["unreachable", "unexpected_response"], "ladder: JSON of another shape", null),
  answer("other_shape", 200, ["unreachable", "unexpected_response"], "ladder: JSON of another shape", { status: "ok" }),
  answer("teapot", 418, ["unreachable", "unexpected_response"], "ladder: unknown 4xx", {
    error: { message: "I'm a teapot", type: "teapot" },
  }),
  answer("proxy_407", 407, "unreachable", "ladder: 407", "<html><body>Proxy Authentication Required</body></html>", {
    "proxy-authenticate": "Basic",
  }),
  answer("empty_401", 401, ["unreachable", "unexpected_response"], "ladder: no marker", {}),
  answer("gateway_401", 401, ["unreachable", "unexpected_response"], "ladder: an API gateway's own", {
    message: "Unauthorized",
  }),
  answer("outage_401", 401, ["unreachable", "unexpected_response"], "ladder: an outage in disguise", {
    error: "service temporarily unavailable",
  }),
  answer("proxy_scope_403", 403, ["unreachable", "unexpected_response"], "ladder: a proxy's scopes", {
    error: "missing scopes: x",
  }),
  answer("gateway_402", 402, ["unreachable", "unexpected_response"], "ladder: no marker", {
    error: "no",
  }),
  answer("bad_gateway", 502, "unreachable", "ladder: an outage", "<html><body><h1>502 Bad Gateway</h1></body></html>"),
  answer(
    "echo",
    418,
    ["unreachable", "unexpected_response"],
    "hostile: providers echo secrets; here in every place that is tempting to keep",
    {
      error: {
        message: "Something is wrong with {key}.",
        type: "{key}",
        code: "{key}",
        param: "{key}",
        status: "{key}",
      },
      message: "{key}",
      detail: "{key}",
      code: "{key}",
      request_id: "{key}",
    },
    { "x-request-id": "{key}", "request-id": "{key}", "x-echo": "{key}", "retry-after": "{key}" },
  ),
];
