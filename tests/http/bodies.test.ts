import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { expectProblem } from "./problem.ts";
import { exchange, request } from "./raw.ts";

const CANARY = "CANARY-7b21";
const good = exampleKeys("OPENAI").good;
let service: Service;
let key: string;
let token: string;
let scheduler: string;

beforeAll(async () => {
  service = await startService();
  key = await service.orgKey("acme");
  await service.grant("pipeline", ["acme"]);
  token = await service.token("pipeline");
  scheduler = await service.token("scheduler");
});
afterAll(() => service.close());

const post = (raw: string | Buffer, headers: Record<string, string> = {}) =>
  service.send("POST", "/acme/openai/setup", { key, raw, headers });
const nested = (depth: number) => `{"metadata":${'{"a":'.repeat(depth)}1${"}".repeat(depth)}}`;

describe("a body that is no clean JSON object is refused, and nothing of it repeated", () => {
  const cases: Array<[string, string | Buffer, number, string, string | RegExp]> = [
    ["nothing", "", 400, "request_malformed", "body: is missing"],
    ["a space", " ", 400, "request_malformed", /^body: is not valid JSON \(character 1\)$/],
    ["a text", `"${CANARY}"`, 400, "request_malformed", "body: must be a JSON object"],
    ["a list", `["${CANARY}"]`, 400, "request_malformed", "body: must be a JSON object"],
    ["null", "null", 400, "request_malformed", "body: must be a JSON object"],
    ["a number", "1", 400, "request_malformed", "body: must be a JSON object"],
    ["cut off", `{"credential":"${CANARY}`, 400, "request_malformed", /^body: is not valid JSON \(character \d+\)$/],
    [
      "something behind it",
      `{"credential":"x"}${CANARY}`,
      400,
      "request_malformed",
      /^body: has something after the JSON value/,
    ],
    ["a comma too many", '{"credential":"x",}', 400, "request_malformed", /^body: is not valid JSON/],
    ["single quotes", `{'credential':'${CANARY}'}`, 400, "request_malformed", /^body: is not valid JSON/],
    ["a comment", '{"credential":"x"/*c*/}', 400, "request_malformed", /^body: is not valid JSON/],
    ["NaN", '{"credential":NaN}', 400, "request_malformed", /^body: is not valid JSON/],
    ["a leading zero", '{"credential":01}', 400, "request_malformed", /^body: is not valid JSON/],
    [
      "the same key twice",
      `{"credential":"${CANARY}","credential":"${good}"}`,
      400,
      "request_malformed",
      /^body: has the same key twice/,
    ],
    [
      "the same key twice, once escaped",
      `{"credential":"${good}","\\u0063redential":"x"}`,
      400,
      "request_malformed",
      /^body: has the same key twice/,
    ],
    [
      "the same key twice, deep inside",
      `{"credential":"x","metadata":{"a":1,"a":2}}`,
      400,
      "request_malformed",
      /^body: has the same key twice/,
    ],
    ["a lone surrogate", '{"credential":"\\ud800"}', 400, "request_malformed", /^body: has a lone surrogate/],
    ["a lone surrogate in a key", '{"\\udfff":"x"}', 400, "request_malformed", /^body: has a lone surrogate/],
    [
      "a raw control character",
      `{"credential":"a\u0001${CANARY}"}`,
      400,
      "request_malformed",
      /^body: is not valid JSON/,
    ],
    ["a raw line break in a text", '{"credential":"a\nb"}', 400, "request_malformed", /^body: is not valid JSON/],
    [
      "an escape that JSON does not know",
      '{"credential":"\\x41"}',
      400,
      "request_malformed",
      /^body: has a string with an escape/,
    ],
    [
      "__proto__",
      `{"__proto__":{"credential":"${CANARY}"},"credential":"x"}`,
      400,
      "request_malformed",
      /^body: has a key that no object here may have/,
    ],
    [
      "__proto__, escaped",
      '{"\\u005f_proto__":1,"credential":"x"}',
      400,
      "request_malformed",
      /^body: has a key that no object here may have/,
    ],
    [
      "constructor inside metadata",
      '{"credential":"x","metadata":{"constructor":{"prototype":{}}}}',
      400,
      "request_malformed",
      /^body: has a key that no object here may have/,
    ],
    [
      "a number beyond 2^53",
      '{"credential":9007199254740993}',
      400,
      "request_malformed",
      /^body: has a number that cannot be kept exactly/,
    ],
    [
      "a number beyond all",
      '{"credential":1e999}',
      400,
      "request_malformed",
      /^body: has a number that cannot be kept exactly/,
    ],
    ["eleven levels", nested(11), 400, "request_malformed", /^body: is nested more than 10 deep/],
    ["ten thousand levels", nested(10_000), 400, "request_malformed", /^body: is nested more than 10 deep/],
    ["ten thousand lists", "[".repeat(10_000), 400, "request_malformed", /^body: is nested more than 10 deep/],
    [
      "4,097 keys",
      `{${Array.from({ length: 4_097 }, (_, index) => `"k${index}":1`).join(",")}}`,
      400,
      "request_malformed",
      /^body: has more than 4096 keys/,
    ],
    [
      "8,193 strings",
      `{"metadata":{"tags":[${'"t",'.repeat(8_192)}"t"]}}`,
      400,
      "request_malformed",
      /^body: has more than 8192 strings/,
    ],
    [
      "bytes that are no UTF-8",
      Buffer.concat([Buffer.from('{"credential":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
      400,
      "request_malformed",
      "body: must be UTF-8",
    ],
    [
      "an overlong UTF-8 form",
      Buffer.concat([Buffer.from('{"credential":"'), Buffer.from([0xc0, 0xaf]), Buffer.from('"}')]),
      400,
      "request_malformed",
      "body: must be UTF-8",
    ],
    ["UTF-16", Buffer.from('{"credential":"x"}', "utf16le"), 400, "request_malformed", /^body: /],
    [
      "one byte more than 128 KiB",
      `{"credential":"${CANARY}"}`.padEnd(131_073),
      413,
      "payload_too_large",
      "The body is larger than 128 KiB",
    ],
  ];
  test.each(cases)("%s", async (_, raw, status, code, detail) => {
    const reply = await post(raw, { "content-type": "application/json" });
    expectProblem(reply, status, code);
    expect(reply.body.detail).toEqual(typeof detail === "string" ? detail : expect.stringMatching(detail));
    expect(reply.text).not.toContain(CANARY);
  });

  test("exactly 128 KiB are taken, and so is a byte order mark", async () => {
    const body = JSON.stringify({ credential: good });
    expect((await post(body.padEnd(131_072))).status).toBe(201);
    expect((await post(`\ufeff${body}`)).status).toBe(200);
  });
  test("a text of 64 Ki characters inside 128 KiB is judged by its schema, not dropped by the reader", async () => {
    const reply = await post(JSON.stringify({ credential: "x".repeat(65_537) }));
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toEqual([{ field: "/credential", message: "must be at most 65536 characters" }]);
  });
});

describe("the content type is JSON in UTF-8 without encoding", () => {
  const taken = [
    "application/json",
    "APPLICATION/JSON",
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "application/json ; charset=Utf-8",
  ];
  const refused = [
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf8",
    "application/json; charset=utf-16",
    "application/json; charset=iso-8859-1",
    "application/json, text/plain",
    "application/jsonx",
    "application/merge-patch+json",
    "application/cloudevents+json",
    "application/json; q=1",
  ];
  test.each(taken)("%s is taken", async (type) => {
    expect((await post("{}", { "content-type": type })).body.code).toBe("request_malformed");
  });
  test.each(refused)("%s is not", async (type) => {
    expectProblem(await post("{}", { "content-type": type }), 415, "media_type");
  });
  test("none at all is not", async () => {
    const reply = await exchange(
      service.origin,
      request("POST", "/api/v1/integrations/acme/openai/setup", [`X-API-Key: ${key}`], "{}"),
    );
    expect(reply).toMatchObject({ status: 415, body: { code: "media_type" } });
  });
  test.each(["gzip", "deflate", "br", "x-nonsense", "gzip, gzip"])("the encoding %s is not", async (encoding) => {
    expectProblem(await post(gzipSync("{}"), { "content-encoding": encoding }), 415, "media_type");
  });
});

describe("each body is held to its schema, field by field", () => {
  const setup = ["POST", "/acme/openai/setup"] as const;
  const put = ["PUT", "/acme/openai"] as const;
  const bulk = ["POST", "/acme/import"] as const;
  const decrypt = ["POST", "/acme/openai/decrypt"] as const;
  const failures = ["POST", "/acme/openai/failures"] as const;
  const sweep = ["POST", "/revalidate"] as const;
  const run = { pipeline: "genai.payg_usage", run_id: "r" };
  const failure = { ...run, credential_id: "7d3f1f1e-3c4b-4a5d-8e6f-001122334455" };
  const allowed = "has a key that is not known here; allowed: ";
  const surplus = { [CANARY]: CANARY };
  const moment = "must be a time in RFC 3339 or a date";
  type Case = [readonly [string, string], unknown, string, string];
  const cases: Case[] = [
    [
      setup,
      { credential: good, ...surplus },
      "",
      `${allowed}credential, credential_name, metadata, skip_validation, expires_at`,
    ],
    [setup, {}, "/credential", "is missing or of the wrong type"],
    [setup, { credential: null }, "/credential", "is missing or of the wrong type"],
    [setup, { credential: 1 }, "/credential", "is missing or of the wrong type"],
    [setup, { credential: [good] }, "/credential", "is missing or of the wrong type"],
    [setup, { credential: "" }, "/credential", "must be at least 1 characters"],
    [setup, { credential: good, credential_name: "" }, "/credential_name", "must be at least 1 characters"],
    [
      setup,
      { credential: good, credential_name: "x".repeat(101) },
      "/credential_name",
      "must be at most 100 characters",
    ],
    [
      setup,
      { credential: good, credential_name: "a\u0007b" },
      "/credential_name",
      "has characters or a shape that is not allowed",
    ],
    [
      setup,
      { credential: good, credential_name: "a\u2028b" },
      "/credential_name",
      "has characters or a shape that is not allowed",
    ],
    ...["\u202e", "\u2066", "\u200b", "\u200d", "\u200f", "\ufeff", "\u00ad", "\u2029", "\u0085"].flatMap(
      (hidden): Case[] => [
        [
          setup,
          { credential: good, credential_name: `a${hidden}b` },
          "/credential_name",
          "has characters or a shape that is not allowed",
        ],
        [put, { credential_name: `${hidden}b` }, "/credential_name", "has characters or a shape that is not allowed"],
        [
          bulk,
          { items: [{ provider: "openai", credential: good, credential_name: `a${hidden}` }] },
          "/items/0/credential_name",
          "has characters or a shape that is not allowed",
        ],
      ],
    ),
    ...["k".repeat(65), exampleKeys("ANTHROPIC").good, exampleKeys("OPENAI").admin ?? ""].flatMap((long): Case[] => [
      [setup, { credential: good, metadata: { [long]: "x" } }, "/metadata", "is not allowed"],
      [put, { metadata: { [long]: null } }, "/metadata", "is not allowed"],
      [put, { config: { [long]: "x" } }, "/config", "is not allowed"],
      [
        bulk,
        { items: [{ provider: "openai", credential: good, metadata: { [long]: "x" } }] },
        "/items/0/metadata",
        "is not allowed",
      ],
    ]),
    [
      setup,
      { credential: good, credential_name: good },
      "/credential_name",
      "looks like a secret; send it in credential",
    ],
    [setup, { credential: good, metadata: [] }, "/metadata", "must be a record"],
    [setup, { credential: good, metadata: "x" }, "/metadata", "must be a record"],
    [
      setup,
      { credential: good, metadata: { team: good } },
      "/metadata/team",
      "looks like a secret: secrets go inside `credential` only",
    ],
    [
      setup,
      { credential: good, metadata: { api_key: good } },
      "/metadata/api_key",
      "is part of the credential: send it inside `credential`",
    ],
    [
      setup,
      { credential: good, metadata: surplus },
      "/metadata",
      "takes only: environment, team, owner, cost_center, notes, tags",
    ],
    [
      setup,
      { credential: good, metadata: { toString: "x" } },
      "/metadata",
      "takes only: environment, team, owner, cost_center, notes, tags",
    ],
    [setup, { credential: good, skip_validation: "true" }, "/skip_validation", "must be a boolean"],
    [setup, { credential: good, skip_validation: 1 }, "/skip_validation", "must be a boolean"],
    [setup, { credential: good, skip_validation: null }, "/skip_validation", "must be a boolean"],
    [setup, { credential: good, expires_at: null }, "/expires_at", "is missing or of the wrong type"],
    [setup, { credential: good, expires_at: 1 }, "/expires_at", "is missing or of the wrong type"],
    [setup, { credential: good, expires_at: "tomorrow" }, "/expires_at", moment],
    [setup, { credential: good, expires_at: "2027-02-30" }, "/expires_at", moment],
    [setup, { credential: good, expires_at: "2027-01-01T00:00:00" }, "/expires_at", moment],
    [setup, { credential: good, expires_at: "2020-01-01" }, "/expires_at", "lies in the past"],
    [setup, { credential: good, expires_at: "2099-01-01" }, "/expires_at", "lies more than 10 years ahead"],
    [
      setup,
      { credential: good, expires_at: "9999-12-31T23:59:59-23:59" },
      "/expires_at",
      "lies more than 10 years ahead",
    ],
    [put, {}, "", "must change at least one thing"],
    [
      put,
      surplus,
      "",
      `${allowed}credential, credential_name, metadata, config, enabled, expires_at, deactivation_scheduled_at`,
    ],
    [put, { enabled: "yes" }, "/enabled", "must be a boolean"],
    [
      put,
      { skip_validation: true },
      "",
      `${allowed}credential, credential_name, metadata, config, enabled, expires_at, deactivation_scheduled_at`,
    ],
    [put, { credential_name: null }, "/credential_name", "must be a string"],
    [put, { metadata: {}, config: {} }, "/config", "is the older name of metadata; send one of them"],
    [put, { deactivation_scheduled_at: "2020-01-01" }, "/deactivation_scheduled_at", "lies in the past"],
    [put, { deactivation_scheduled_at: "2099-01-01" }, "/deactivation_scheduled_at", "lies more than a year ahead"],
    [put, { expires_at: "x" }, "/expires_at", moment],
    [["POST", "/acme/openai/rotate"], {}, "/new_credentials", "is missing or of the wrong type"],
    [["POST", "/acme/openai/rotate"], { new_credentials: good, enabled: true }, "", `${allowed}new_credentials`],
    [["POST", "/acme/openai/validate"], { force: true }, "", allowed],
    [bulk, {}, "/items", "must be an array"],
    [bulk, { items: [] }, "/items", "must be at least 1 items"],
    [bulk, { items: {} }, "/items", "must be an array"],
    [
      bulk,
      { items: Array.from({ length: 101 }, () => ({ provider: "openai" })) },
      "/items",
      "must be at most 100 items",
    ],
    [bulk, { items: [{ provider: "OPENAI" }] }, "/items/0/provider", "has characters or a shape that is not allowed"],
    [
      bulk,
      { items: [{ provider: "openai", ...surplus }] },
      "/items/0",
      `${allowed}provider, credential, credential_name, metadata`,
    ],
    [
      bulk,
      { items: [{ provider: "openai" }, { provider: "groq" }, { provider: "openai" }] },
      "/items/2/provider",
      "stands twice in this import",
    ],
    [decrypt, {}, "/pipeline", "must be a string"],
    [decrypt, { pipeline: run.pipeline }, "/run_id", "must be a string"],
    [decrypt, { ...run, run_id: "a b" }, "/run_id", "has characters or a shape that is not allowed"],
    [decrypt, { ...run, run_id: "x".repeat(129) }, "/run_id", "has characters or a shape that is not allowed"],
    [decrypt, { ...run, run_id: "a\nb" }, "/run_id", "has characters or a shape that is not allowed"],
    [decrypt, { ...run, as: "file" }, "/as", "must be one of: secret, token, none"],
    [
      decrypt,
      { ...run, pipeline: "cloud.gcp.cost.billing" },
      "/pipeline",
      "is no pipeline of OpenAI; known: genai.payg_usage",
    ],
    [decrypt, { ...run, ...surplus }, "", `${allowed}pipeline, run_id, as`],
    [failures, { ...failure, credential_id: "x" }, "/credential_id", "has characters or a shape that is not allowed"],
    [failures, { ...failure, http_status: 99 }, "/http_status", "must be at least 100"],
    [failures, { ...failure, http_status: 401.5 }, "/http_status", "must be an int"],
    [failures, { ...failure, http_status: "401" }, "/http_status", "must be a number"],
    [
      failures,
      { ...failure, pipeline: "genai.other" },
      "/pipeline",
      "is no pipeline of OpenAI; known: genai.payg_usage",
    ],
    [sweep, { limit: 0 }, "/limit", "must be at least 1"],
    [sweep, { limit: 1.5 }, "/limit", "must be an int"],
    [sweep, { max_seconds: -1 }, "/max_seconds", "must be at least 1"],
    [sweep, { shard: "1" }, "/shard", "has characters or a shape that is not allowed"],
    [sweep, { shard: "0/0" }, "/shard", "has characters or a shape that is not allowed"],
    [sweep, surplus, "", `${allowed}limit, max_seconds, shard, org`],
  ];
  test.each(
    cases.map(
      ([[method, path], body, field, message]) =>
        [`${method} ${path} ${JSON.stringify(body).slice(0, 60)}`, method, path, body, field, message] as const,
    ),
  )("%s", async (_, method, path, body, field, message) => {
    const auth = path === "/revalidate" ? { token: scheduler } : /decrypt|failures/.test(path) ? { token } : { key };
    const reply = await service.send(method, path, { ...auth, body });
    expectProblem(reply, 400, "request_malformed");
    expect(reply.body.errors).toContainEqual({ field, message });
    expect(reply.text).not.toContain(CANARY);
    expect(reply.text).not.toContain(good);
  });

  test("everything that is wrong is named at once", async () => {
    const { body } = await service.send("POST", "/acme/openai/setup", {
      key,
      body: { credential: 1, credential_name: 2, metadata: 3, skip_validation: 4, expires_at: 5 },
    });
    expect(body.errors.map(({ field }: { field: string }) => field)).toEqual([
      "/credential",
      "/credential_name",
      "/metadata",
      "/skip_validation",
      "/expires_at",
    ]);
  });
});

test("none of these bodies has polluted an object, reached the output or the audit log", async () => {
  expect((await service.send("GET", "/providers")).status).toBe(200);
  const { stdout, stderr } = service.output();
  const audit = JSON.stringify(await service.audit());
  for (const secret of [CANARY, good]) expect(stdout + stderr + audit).not.toContain(secret);
});
