import type { Entry } from "../../shared/registry/entry.ts";
import { type Answer, html, inconclusive, json, type KitCase } from "./case.ts";

/** What any HTTP API, and whatever stands before it, may answer whoever asks. None of it is about the credential. */
export function ladderCases(): KitCase[] {
  return [
    ...[{}, { error: { message: "slow down" } }].map((body, index) => ({
      name: `429, wording ${index + 1}`,
      answer: json(429, body, { "retry-after": "7" }),
      expected: { outcomes: ["rate_limited" as const] },
    })),
    ...[500, 502, 503, 504, 529].flatMap((status) => [
      about(`${status} in HTML`, html(status, "Service Temporarily Unavailable")),
      about(`${status} in JSON`, json(status, { error: { message: "internal error", type: "server_error" } })),
      about(
        `${status} that speaks of keys`,
        json(status, { error: { message: "Invalid API key" }, message: "Unauthorized" }),
      ),
    ]),
    ...[408, 425].map((status) => about(`${status}`, json(status, {}))),
    about("200 of a captive portal", html(200, "Guest Wi-Fi: please sign in")),
    about("200 of a captive portal that claims to be JSON", {
      ...html(200, "Guest Wi-Fi"),
      headers: { "content-type": "application/json" },
    }),
    ...junk.map(([name, body]) => about(`200, junk: ${name}`, json(200, body))),
    about("200, empty", { ...json(200, {}), text: "" }),
    about("200, cut off", { ...json(200, {}), text: '{"object":"list","data":[{"id":"demo-mo' }),
    about("204", { ...json(204, {}), text: "" }),
    ...[400, 401, 402, 403, 404, 410, 412, 418, 422].flatMap((status) => [
      about(`${status} and nothing more`, json(status, {})),
      about(`${status} in HTML`, html(status, "Forbidden")),
      about(
        `${status} of a gateway that says no`,
        json(status, { error: "no", message: "Request could not be handled" }),
      ),
    ]),
    about("401 of a gateway", json(401, { message: "Unauthorized" })),
    about("401 of an outage", json(401, { error: "service temporarily unavailable" })),
    about(
      "401 of a sign-in that is down",
      json(401, { error: { message: "The authentication service is temporarily unavailable" } }),
    ),
    about("401 of a gateway that asks for a key of its own", json(401, { error: "Gateway credentials are missing" })),
    // What only a live key is told: an entry may say so by a rule, but nothing condemns the key for it.
    ...["This API key has insufficient credits", "This token lacks the permission for this endpoint"].map(
      (message): KitCase => ({
        name: `401: ${message}`,
        answer: json(401, { error: { message } }),
        expected: { outcomes: [...inconclusive, "valid", "forbidden"] },
      }),
    ),
    about("403 of a proxy that speaks of scopes", json(403, { error: "missing scopes: x" })),
    about("407", html(407, "Proxy Authentication Required")),
  ];
}

function about(name: string, answer: Answer): KitCase {
  return { name, answer, expected: { outcomes: inconclusive } };
}

/** Bodies with a 200 that no provider writes about a key: errors, states, greetings, and the envelopes of gateways. */
export const junk: ReadonlyArray<readonly [name: string, body: unknown]> = [
  ["nothing", {}],
  ["an empty list", []],
  ["null", null],
  ["a text", "ok"],
  ["a number", 1],
  ["a state", { status: "ok" }],
  ["health", { status: "UP", version: "1.0.0", uptime: 12, name: "gateway" }],
  ["a greeting", { message: "Welcome", title: "Guest Wi-Fi", login_url: "https://portal.example/login" }],
  ["a success that says nothing", { success: true, ok: true, result: null }],
  ["an error as a text", { error: "invalid api key", message: "Unauthorized", detail: "Unauthorized" }],
  [
    "an error as an object",
    { error: { message: "Invalid API key", type: "invalid_request_error", code: "invalid_api_key" } },
  ],
  ["errors", { errors: [{ message: "Unauthorized", code: 10_000 }], success: false, messages: [], result: null }],
  ["an envelope", { code: 401, msg: "token expired", data: {}, success: false, timestamp: 1_795_000_000 }],
  ["an envelope in words", { code: "401", message: "not logged in", data: "", request_id: "kit" }],
  ["an envelope of nothing", { code: 0, message: "", data: null }],
  ["a list of errors", [{ error: { code: 401, message: "Unauthorized", status: "UNAUTHENTICATED" } }]],
];

/** What happens on the way. Those that hang are asked with short clocks. */
export function transportCases(flattering: Answer): KitCase[] {
  const by = (name: string, answer: Answer): KitCase => about(name, answer);
  return [
    ...[301, 302, 307, 308].map((status) =>
      by(`${status}, to where the answer is tempting`, { ...flattering, status, transport: "redirect" }),
    ),
    by("5 MB", { ...flattering, transport: "huge" }),
    by("a connection that breaks off", { ...flattering, transport: "reset" }),
    { name: "a refused connection", answer: "refused", expected: { outcomes: ["unreachable"], reason: "connection" } },
    {
      name: "silence",
      answer: { ...flattering, transport: "hang" },
      expected: { outcomes: ["unreachable"], reason: "timeout" },
      hurried: true,
    },
    {
      name: "a body that drips",
      answer: { ...flattering, transport: "drip" },
      expected: { outcomes: ["unreachable"], reason: "timeout" },
      hurried: true,
    },
  ];
}

/** Every text that an answer has room for says the credential. */
export function echoCases(entry: Entry, secrets: readonly string[]): KitCase[] {
  const said = secrets.join(" ");
  const [first = ""] = secrets;
  const headers = Object.fromEntries(
    ["x-request-id", "request-id", "x-amzn-requestid", "opc-request-id", "x-ms-request-id", "retry-after"].map(
      (name) => [name, first.replaceAll(/\s/g, "")],
    ),
  );
  const body = {
    error: { message: `Something is wrong with ${said}.`, type: first, code: first, param: first, status: first },
    message: said,
    detail: said,
    code: first,
    type: first,
    request_id: first,
  };
  return [200, 400, 401, 402, 403, 404, 418, 429, 500].map((status) => ({
    name: `${status} that echoes the credential of ${entry.code}`,
    answer: json(status, body, headers),
    // A 401 whose words are the key's may blame it; nothing else may be concluded from an echo.
    expected: { outcomes: status === 401 ? [...inconclusive, "rejected"] : inconclusive },
  }));
}
