import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { backendName } from "../service/backend.ts";
import { type Service, startService } from "../service/harness.ts";
import { expectProblem } from "./problem.ts";
import { exchange, type RawReply, request } from "./raw.ts";

const BASE = "/api/v1/integrations";
const APP = "https://app.example";
let service: Service;
let bare: Service;
let key: string;

beforeAll(async () => {
  service = await startService({ env: { CORS_ORIGINS: `${APP}, https://other.example` } });
  bare = await startService({ simulators: service.simulators, home: service.home, target: "get" });
  key = await service.orgKey("acme");
});
afterAll(async () => {
  await bare.close();
  await service.close();
});

const raw = (
  method: string,
  target: string,
  lines: string[] = [],
  body: string | Buffer = "",
  origin = service.origin,
) => exchange(origin, request(method, target, [`X-API-Key: ${key}`, ...lines], body));

function expectRawProblem(reply: RawReply, status: number, code: string): void {
  expectProblem({ ...reply, headers: new Headers(reply.headers) }, status, code);
}

describe("a path is taken as it came, never decoded and never tidied", () => {
  const targets: Array<readonly [string, string]> = [
    ["an encoded slash", `${BASE}/acme%2fopenai`],
    ["an encoded slash, upper case", `${BASE}/acme%2Fopenai`],
    ["an encoded backslash", `${BASE}/acme%5copenai`],
    ["a backslash", `${BASE}/acme\\openai`],
    ["an encoded dot segment", `${BASE}/globex/%2e%2e/acme/openai`],
    ["a dot segment", `${BASE}/globex/../acme/openai`],
    ["a dot segment that stays inside", `${BASE}/acme/./openai`],
    ["dots as a provider", `${BASE}/acme/..`],
    ["a double slash", `${BASE}//acme/openai`],
    ["a double slash before the provider", `${BASE}/acme//openai`],
    ["a slash at the end", `${BASE}/acme/openai/`],
    ["a null byte", `${BASE}/acme/openai%00`],
    ["a broken escape", `${BASE}/acme/%zz`],
    ["a broken escape outside the prefix", "/%zz"],
    ["a letter encoded", `${BASE}/acme/%6fpenai`],
    ["an encoded letter beyond ASCII", `${BASE}/acm%C3%A9/openai`],
    ["a matrix parameter", `${BASE}/acme;x=1/openai`],
    ["a fragment", `${BASE}/acme/openai#x`],
    ["a space as plus", `${BASE}/acme/open+ai`],
    ["an absolute form with another host", `http://evil.example${BASE}/acme/openai`],
    ["an absolute form with our host", `http://127.0.0.1${BASE}/acme/openai`],
    ["a host in the path", `//evil.example${BASE}/acme/openai`],
    ["the asterisk", "*"],
    ["the root", "/"],
    ["the prefix alone", BASE],
    ["the prefix in upper case", `${BASE.toUpperCase()}/acme/openai`],
    ["no prefix", "/acme/openai"],
    ["an icon", "/favicon.ico"],
    ["robots.txt", "/robots.txt"],
    // Google's own front end answers it before any function is asked.
    ...(backendName === "local" ? [["/healthz, which is Google's", "/healthz"] as const] : []),
    ["health under the prefix", `${BASE}/health`],
    ["an organisation in upper case", `${BASE}/Acme/openai`],
    ["an organisation of 64 characters", `${BASE}/${"a".repeat(64)}/openai`],
    ["an organisation that ends in a hyphen", `${BASE}/acme-/openai`],
    ["an organisation that begins with an underscore", `${BASE}/_acme/openai`],
    ["an organisation with a dot", `${BASE}/ac.me/openai`],
    ...["providers", "revalidate", "health", "console", "api"].map((word): [string, string] => [
      `the reserved organisation ${word}`,
      `${BASE}/${word}/openai`,
    ]),
  ];
  test.each(targets)("%s is no route", async (_, target) => {
    expectRawProblem(await raw("GET", target), 404, "route_unknown");
  });

  const providers: Array<[string, string, string | undefined]> = [
    ["an alias in upper case", "OPENAI", "Write the provider in lower case: openai"],
    ["a code in upper case", "Openai", "Write the provider in lower case: openai"],
    ["a custom one in upper case", "custom-Foo", "Write the provider in lower case: custom-foo"],
    ["a dash", "open-ai", undefined],
    ["one letter", "o", undefined],
    ["42 characters", "o".repeat(42), undefined],
    ["a digit first", "1openai", undefined],
    ["a custom one that ends in a dash", "custom-x-", undefined],
    ["__proto__", "__proto__", undefined],
    ["constructor", "constructor", undefined],
    ["a name that no registry has", "nosuch", undefined],
  ];
  test.each(providers)("a provider written with %s is unknown", async (_, segment, remedy) => {
    const reply = await raw("GET", `${BASE}/acme/${segment}`);
    expectRawProblem(reply, 404, "provider_unknown");
    expect(reply.body.remedy).toBe(remedy);
  });

  test("bytes beyond ASCII in the request line are refused before anything looks at them", async () => {
    expect(
      (await exchange(service.origin, Buffer.from(`GET ${BASE}/acmé HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)))
        .status,
    ).toBe(400);
  });

  test("a function by itself takes bare paths, and these no more loosely", async () => {
    expect((await raw("GET", "/acme/openai", [], "", bare.origin)).body.code).toBe("not_configured");
    for (const target of [
      "/acme%2fopenai",
      "//acme/openai",
      "/globex/../acme/openai",
      "/Acme/openai",
      "/%zz",
      "/favicon.ico",
      "*",
    ])
      expectRawProblem(await raw("GET", target, [], "", bare.origin), 404, "route_unknown");
  });
});

describe("a header that may stand once is not taken twice", () => {
  const json = ["Content-Type: application/json"];
  const cases: Array<[string, string, string, string[], string, number, string]> = [
    ["X-API-Key", "GET", `${BASE}/acme`, ["X-API-Key: {key}"], "", 401, "org_key_invalid"],
    [
      "Authorization",
      "POST",
      `${BASE}/acme/openai/decrypt`,
      [...json, "Authorization: Bearer a.b.c", "Authorization: Bearer {token}"],
      '{"pipeline":"genai.payg_usage","run_id":"r"}',
      400,
      "request_malformed",
    ],
    [
      "Content-Type",
      "POST",
      `${BASE}/acme/openai/setup`,
      [...json, "Content-Type: text/plain"],
      '{"credential":"x"}',
      400,
      "request_malformed",
    ],
    [
      "If-Match",
      "PUT",
      `${BASE}/acme/openai`,
      [...json, 'If-Match: "v1"', 'If-Match: "v2"'],
      '{"enabled":true}',
      400,
      "request_malformed",
    ],
    [
      "If-None-Match",
      "POST",
      `${BASE}/acme/openai/setup`,
      [...json, "If-None-Match: *", "If-None-Match: *"],
      '{"credential":"x"}',
      400,
      "request_malformed",
    ],
    [
      "Idempotency-Key",
      "POST",
      `${BASE}/acme/openai/setup`,
      [...json, "Idempotency-Key: a", "Idempotency-Key: b"],
      '{"credential":"x"}',
      400,
      "request_malformed",
    ],
  ];
  test.each(cases)("%s", async (_, method, target, lines, body, status, code) => {
    const token = await service.token("pipeline");
    const filled = lines.map((line) => line.replace("{key}", key).replace("{token}", token));
    expectRawProblem(await raw(method, target, filled, body), status, code);
  });

  test("a key joined to another by a comma is no key", async () => {
    expectRawProblem(
      await exchange(service.origin, request("GET", `${BASE}/acme`, [`X-API-Key: ${key}, ${key}`])),
      401,
      "org_key_invalid",
    );
  });

  test("an Idempotency-Key is 1-255 printable ASCII characters", async () => {
    for (const [value, status] of [
      ["", 400],
      ["x".repeat(256), 400],
      ["é", 400],
      ["x".repeat(255), 422],
    ] as const)
      expect(
        (
          await raw(
            "POST",
            `${BASE}/acme/openai/setup`,
            ["Content-Type: application/json", `Idempotency-Key: ${value}`],
            '{"credential":"x"}',
          )
        ).status,
      ).toBe(status);
  });

  test("If-None-Match takes only *, and only where something is created", async () => {
    const send = (method: string, path: string, value: string) =>
      raw(
        method,
        `${BASE}${path}`,
        ["Content-Type: application/json", `If-None-Match: ${value}`],
        '{"credential":"x"}',
      );
    expectRawProblem(await send("POST", "/acme/openai/setup", '"v1"'), 400, "request_malformed");
    expectRawProblem(await send("PUT", "/acme/openai", "*"), 400, "request_malformed");
  });

  test.each(["v1", '"v1', "v1,v2", `"${"x".repeat(65)}"`, '"v1";"v2"'])(
    "If-Match: %s is no entity tag",
    async (value) => {
      expectRawProblem(
        await raw(
          "PUT",
          `${BASE}/acme/openai`,
          ["Content-Type: application/json", `If-Match: ${value}`],
          '{"enabled":true}',
        ),
        400,
        "request_malformed",
      );
    },
  );
});

describe("a query says what the route knows, once", () => {
  const cases: Array<[string, string, string]> = [
    ["GET", "/acme?nonsense=CANARY", "query: takes only category, configured, expiring_within"],
    ["GET", "/acme?category=cloud&category=genai", "query:category: must be given once"],
    ["GET", "/acme?category=CANARY", "query:category: must be one of: cloud, genai, saas"],
    ["GET", "/acme?configured=yes", "query:configured: must be true or false"],
    ["GET", "/acme?configured", "query:configured: must be true or false"],
    ["GET", "/acme?expiring_within=0d", "query:expiring_within: must be days like 30d, 1d to 999d"],
    ["GET", "/acme?expiring_within=1000d", "query:expiring_within: must be days like 30d, 1d to 999d"],
    ["GET", "/acme?expiring_within=30", "query:expiring_within: must be days like 30d, 1d to 999d"],
    ["GET", "/acme/openai?x=1", "query: takes no parameters here"],
    ["GET", "/acme/openai/history?limit=0", "query:limit: must be 1 to 200"],
    ["GET", "/acme/openai/history?limit=201", "query:limit: must be 1 to 200"],
    ["GET", "/acme/openai/history?limit=1e2", "query:limit: must be 1 to 200"],
    ["GET", "/acme/openai/history?cursor=%20", "query:cursor: must be a next_cursor as it was given"],
    ["GET", "/acme?__proto__=1", "query: takes only category, configured, expiring_within"],
    [
      "DELETE",
      "/acme/openai?deactivation_scheduled_at=soon",
      "query:deactivation_scheduled_at: must be a time in RFC 3339 or a date",
    ],
    [
      "DELETE",
      "/acme/openai?deactivation_scheduled_at=2027-02-30",
      "query:deactivation_scheduled_at: must be a time in RFC 3339 or a date",
    ],
    [
      "DELETE",
      "/acme/openai?deactivation_scheduled_at=2027-01-01T00:00:00",
      "query:deactivation_scheduled_at: must be a time in RFC 3339 or a date",
    ],
    [
      "DELETE",
      "/acme/openai?deactivation_scheduled_at=2020-01-01",
      "query:deactivation_scheduled_at: lies in the past",
    ],
    [
      "DELETE",
      "/acme/openai?deactivation_scheduled_at=2099-01-01",
      "query:deactivation_scheduled_at: lies more than a year ahead",
    ],
  ];
  test.each(cases)("%s %s → %s", async (method, path, detail) => {
    const reply = await raw(method, `${BASE}${path}`);
    expectRawProblem(reply, 400, "request_malformed");
    expect(reply.body.detail).toBe(detail);
    expect(reply.text).not.toContain("CANARY");
  });
});

describe("what stands around the answer", () => {
  test.each([`/acme`, `/providers`, `/acme/openai`, `/openapi.json`, "/acme/nosuch"])(
    "HEAD %s is GET without the body",
    async (path) => {
      const [got, head] = [
        await raw("GET", `${BASE}${path}`, ["X-Request-Id: 7d3f1f1e-3c4b-4a5d-8e6f-001122334455"]),
        await raw("HEAD", `${BASE}${path}`, ["X-Request-Id: 7d3f1f1e-3c4b-4a5d-8e6f-001122334455"]),
      ];
      expect(head.text).toBe("");
      expect({ ...head.headers, date: "" }).toEqual({ ...got.headers, date: "" });
      expect(head.status).toBe(got.status);
      expect(Number(head.headers["content-length"])).toBe(Buffer.byteLength(got.text));
    },
  );

  test("a request id is kept where it is one UUID, in whatever case and of whatever version, else made", async () => {
    const given = "7d3f1f1e-3c4b-4a5d-8e6f-001122334455";
    for (const kept of [given, given.toUpperCase(), "019aA1b2-0000-7000-0000-001122334455"])
      expect((await raw("GET", `${BASE}/acme`, [`X-Request-Id: ${kept}`])).headers["x-request-id"]).toBe(kept);
    for (const lines of [
      ["X-Request-Id: mine"],
      [`X-Request-Id: ${given}x`],
      [`X-Request-Id: ${given}`, `X-Request-Id: ${given}`],
      ["X-Request-Id:"],
    ]) {
      const made = (await raw("GET", `${BASE}/acme`, lines)).headers["x-request-id"];
      expect(made).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(made).not.toBe(given);
    }
  });

  test.each([
    ["GET", "/acme"],
    ["GET", "/acme/openai"],
    ["GET", "/providers"],
    ["DELETE", "/acme/openai"],
  ])("%s %s takes no body, but for the empty object that some clients always send", async (method, path) => {
    const blank = await raw(method, `${BASE}${path}`, ["Content-Type: application/json"], " {} ");
    expect(blank.body?.detail ?? "").not.toContain("is not taken here");
    const reply = await raw(method, `${BASE}${path}`, ["Content-Type: application/json"], '{"enabled":false}');
    expectRawProblem(reply, 400, "request_malformed");
    expect(reply.body.detail).toBe("body: is not taken here; leave it out");
  });

  const refused: Array<[number, string, string, string, string[], string]> = [
    [404, "route_unknown", "GET", "/acme/openai/CANARY", [], ""],
    [404, "route_unknown", "GET", "/CANARY", [], ""],
    [405, "method_not_allowed", "PATCH", "/acme", [], ""],
    [400, "request_malformed", "POST", "/acme/openai/setup", ["Content-Type: application/json"], '{"CANARY":'],
    [415, "media_type", "POST", "/acme/openai/setup", ["Content-Type: text/plain"], "CANARY"],
    [413, "payload_too_large", "POST", "/acme/openai/setup", ["Content-Type: application/json"], "x".repeat(140_000)],
  ];
  test.each(refused)("%i %s before anyone is recognised leaves a line in the log", async (status, code, ...sent) => {
    const [method, path, lines, body] = sent;
    const reply = await raw(method, `${BASE}${path}`, lines, body);
    expectRawProblem(reply, status, code);
    const logged = () =>
      service
        .output()
        .stderr.split("\n")
        .filter((line) => line.includes(reply.body.request_id))
        .map((line) => JSON.parse(line));
    await expect
      .poll(logged)
      .toEqual([expect.objectContaining({ message: "request", severity: "INFO", status, code })]);
  });

  test("health answers at /health alone, without I/O, and only to GET and HEAD", async () => {
    expect(await raw("GET", "/health")).toMatchObject({
      status: 200,
      body: { status: "ok" },
      headers: { "cache-control": "no-store" },
    });
    expect((await raw("GET", "/health?deep=1")).status).toBe(200);
    expect(await raw("HEAD", "/health")).toMatchObject({ status: 200, text: "" });
    const refused = await raw("POST", "/health");
    expectRawProblem(refused, 405, "method_not_allowed");
    expect(refused.headers["allow"]).toBe("GET, HEAD");
  });

  test("a known origin may read the answers, another one may not", async () => {
    const own = await raw("GET", `${BASE}/acme`, [`Origin: ${APP}`]);
    expect(own.headers).toMatchObject({
      "access-control-allow-origin": APP,
      vary: "Origin",
      "access-control-expose-headers": expect.stringContaining("x-request-id"),
    });
    const refused = await raw("GET", `${BASE}/acme/nosuch`, [`Origin: ${APP}`]);
    expect(refused.headers["access-control-allow-origin"]).toBe(APP);
    for (const origin of [
      "https://evil.example",
      "null",
      `${APP}.evil.example`,
      APP.toUpperCase(),
      "http://app.example",
    ]) {
      const other = await raw("GET", `${BASE}/acme`, [`Origin: ${origin}`]);
      expect(other.headers["access-control-allow-origin"]).toBeUndefined();
      expect(other.headers["vary"]).toBe("Origin");
    }
  });

  const preflights: Array<[asks: string, methods: string]> =
    backendName === "gcp"
      ? [
          ["GET", "GET, HEAD"],
          ["PUT", "PUT"],
          ["DELETE", "DELETE"],
        ]
      : [["PUT", "GET, HEAD, PUT, DELETE"]];
  test.each(preflights)(
    "OPTIONS for %s answers a known origin on a known path with that path's methods, as far as who answers has them: %s",
    async (asks, methods) => {
      const lines = [
        `Origin: ${APP}`,
        `Access-Control-Request-Method: ${asks}`,
        "Access-Control-Request-Headers: x-api-key",
      ];
      const reply = await raw("OPTIONS", `${BASE}/acme/openai`, lines);
      expect(reply).toMatchObject({
        status: 204,
        text: "",
        headers: { "access-control-allow-origin": APP, "access-control-allow-methods": methods },
      });
      expect(reply.headers["access-control-allow-headers"]).toContain("x-api-key");
      expect(reply.headers["access-control-allow-credentials"]).toBeUndefined();
      expectRawProblem(await raw("OPTIONS", `${BASE}/acme/openai/nonsense`, lines), 404, "route_unknown");
      expectRawProblem(
        await raw("OPTIONS", `${BASE}/acme/openai`, ["Origin: https://evil.example"]),
        405,
        "method_not_allowed",
      );
    },
  );

  test("OPTIONS answers nobody where no origin is named", async () => {
    for (const lines of [[], [`Origin: ${APP}`]]) {
      const reply = await raw("OPTIONS", "/acme/openai", lines, "", bare.origin);
      expectRawProblem(reply, 405, "method_not_allowed");
      expect(reply.headers["allow"]).toBe("GET, HEAD");
      expect(reply.headers["access-control-allow-origin"]).toBeUndefined();
    }
  });

  test.each(["TRACE", "PATCH", "PROPFIND", "SEARCH"])("%s is no method of any route", async (method) => {
    expectRawProblem(await raw(method, `${BASE}/acme`), 405, "method_not_allowed");
  });

  test("a method cannot be overridden by a header", async () => {
    expect((await raw("GET", `${BASE}/acme/openai`, ["X-HTTP-Method-Override: DELETE"])).body.code).toBe(
      "not_configured",
    );
  });

  test("who framed the request twice is cut off", async () => {
    const smuggled = await exchange(
      service.origin,
      request(
        "POST",
        `${BASE}/acme/openai/setup`,
        [`X-API-Key: ${key}`, "Content-Type: application/json", "Content-Length: 2", "Transfer-Encoding: chunked"],
        "0\r\n\r\n",
      ),
    );
    expect(smuggled.status).toBe(400);
  });
});

test("nothing of all this stands in the output but structured lines, and where it listens for who starts it by hand", () => {
  const { stdout, stderr } = service.output();
  const lines = stdout.trim().split("\n");
  if (service.backend.name === "local") expect(lines.shift()).toContain("cloudact-integrations ready ");
  for (const line of [...lines, ...stderr.trim().split("\n")]) expect(() => JSON.parse(line)).not.toThrow();
  expect(stdout + stderr).not.toContain("CANARY");
});
