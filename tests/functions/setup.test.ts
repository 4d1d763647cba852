import { describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import type { Reply, Service } from "../service/harness.ts";
import { eachTestItsOrganisation } from "../service/organisations.ts";
import { exampleKeys } from "../simulators/start.ts";

const openai = exampleKeys("OPENAI");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const DAY_MS = 86_400_000;
let service: Service;
let token: string;
let key: string;
let org: string;
eachTestItsOrganisation("org", 60, (made) => {
  ({ service, org, key, token } = made);
});

const setup = (body: unknown, options: { provider?: string; headers?: Record<string, string>; query?: string } = {}) =>
  service.send("POST", `/${org}/${options.provider ?? "openai"}/setup${options.query ?? ""}`, {
    key,
    body,
    headers: options.headers ?? {},
  });
const get = (provider = "openai") => service.send("GET", `/${org}/${provider}`, { key });
const decrypt = (provider = "openai") => service.send("POST", `/${org}/${provider}/decrypt`, { token, body: RUN });
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();
const audited = async (reply: Reply) => (await service.audit(reply.headers.get("x-request-id")))[0];

test("a first credential answers 201 with what it can do, and takes the usual name", async () => {
  const reply = await setup({ credential: openai.admin });
  expect(reply.status).toBe(201);
  expect(answers.configuredAnswer.parse(reply.body)).toMatchObject({
    provider: "OPENAI",
    validation_status: "VALID",
    message: "Integration configured successfully",
    pipelines: [{ id: "genai.payg_usage", ready: true, missing: [] }],
  });
  expect(reply.headers.get("deprecation")).toBeNull();
  const info = await get();
  expect(answers.integrationInfo.parse(info.body)).toMatchObject({
    credential_name: "OpenAI API Key",
    metadata: {},
    expires_at: null,
    lifecycle: "active",
    enabled: true,
  });
  expect(info.headers.get("etag")).toBe(reply.headers.get("etag"));
  expect(await audited(reply)).toMatchObject({
    operation: "setup",
    decision: "allow",
    outcome: "ok",
    status: 201,
    credential_id: reply.body.credential_id,
    fingerprint: info.body.fingerprint,
    key_version: "1",
  });
});

test("a project key is VALID and not ready for costs, and the answer says which key to create instead", async () => {
  const { body } = await setup({ credential: openai.good });
  expect(body.validation_status).toBe("VALID");
  expect(body.pipelines[0]).toMatchObject({ ready: false, missing: expect.arrayContaining(["usage_read"]) });
  expect(body.capabilities.find(({ id }: { id: string }) => id === "cost_read")).toMatchObject({
    state: "denied",
    remedy: expect.stringContaining("admin key"),
  });
});

test("a replacement answers 200 and keeps what was not sent: name, metadata, declared expiry", async () => {
  const expires_at = inDays(90);
  const first = await setup({
    credential: openai.good,
    credential_name: "Mine",
    metadata: { team: "finops", tags: ["a"] },
    expires_at,
  });
  await service.send("PUT", `/${org}/openai`, { key, body: { enabled: false, deactivation_scheduled_at: inDays(5) } });
  const second = await setup({ credential: openai.another });
  expect(second.status).toBe(200);
  expect(second.body.credential_id).not.toBe(first.body.credential_id);
  expect(second.headers.get("etag")).toBe('"v3"');
  expect((await get()).body).toMatchObject({
    credential_name: "Mine",
    metadata: { team: "finops", tags: ["a"] },
    expires_at,
    enabled: true,
    deactivation_scheduled_at: null,
  });
  const third = await setup({ credential: openai.good, credential_name: "Other", metadata: { team: "data" } });
  expect(third.status).toBe(200);
  expect((await get()).body).toMatchObject({ credential_name: "Other", metadata: { team: "data", tags: ["a"] } });
});

test("a replacement that is refused leaves the old credential in use", async () => {
  await setup({ credential: openai.good });
  const before = await decrypt();
  expectProblem(await setup({ credential: openai.revoked }), 422, "credential_rejected");
  expectProblem(await setup({ credential: openai.outage }), 502, "provider_unreachable");
  expect((await decrypt()).body.credential).toEqual(before.body.credential);
  expect((await get()).body.validation.outcome).toBe("valid");
  expect((await service.send("GET", `/${org}/openai/history`, { key })).body.items).toHaveLength(1);
});

test("what was deleted leaves nothing behind for the next one", async () => {
  await setup({
    credential: openai.good,
    credential_name: "Mine",
    metadata: { team: "finops" },
    expires_at: inDays(9),
  });
  await service.send("DELETE", `/${org}/openai`, { key });
  expect((await setup({ credential: openai.another })).status).toBe(201);
  expect((await get()).body).toMatchObject({ credential_name: "OpenAI API Key", metadata: {}, expires_at: null });
});

describe("skip_validation", () => {
  test("stores PENDING without asking the provider, says so in the audit log, and is served as PENDING", async () => {
    const reply = await setup({ credential: openai.admin, skip_validation: true });
    expect(reply).toMatchObject({
      status: 201,
      body: { validation_status: "PENDING", pipelines: [{ ready: "unknown" }] },
    });
    expect(service.simulators.requests).toHaveLength(0);
    expect(await audited(reply)).toMatchObject({ reason_code: "validation_skipped", outcome: "ok" });
    expect((await get()).body).toMatchObject({
      status: "PENDING",
      lifecycle: "pending",
      last_validated_at: null,
      last_checked_at: null,
    });
    expect((await decrypt()).body).toMatchObject({
      validation_status: "PENDING",
      credential: { api_key: openai.admin },
    });
    expect((await service.send("POST", `/${org}/openai/validate`, { key })).body).toMatchObject({
      success: true,
      validation_status: "VALID",
    });
  });

  test("does not skip the format", async () => {
    const reply = await setup({ credential: "nonsense", skip_validation: true });
    expectProblem(reply, 422, "credential_format");
    expect(await audited(reply)).toMatchObject({ reason_code: "credential_format", outcome: "error" });
  });
});

describe("a dry run", () => {
  test("does everything but encrypt and store", async () => {
    const reply = await setup({ credential: openai.admin }, { query: "?dry_run=true" });
    expect(reply.status).toBe(200);
    expect(answers.verdictAnswer.parse(reply.body)).toMatchObject({
      success: true,
      outcome: "valid",
      dry_run: true,
      message: "Integration validated successfully",
    });
    expect(reply.headers.get("etag")).toBeNull();
    expectProblem(await get(), 404, "not_configured");
  });

  test.each([
    ["revoked", "rejected", "credential_rejected"],
    ["outage", "unreachable", "provider_unreachable"],
    ["limited", "rate_limited", "provider_rate_limited"],
  ] as const)("answers 200 with success false where the key is %s", async (kind, outcome, code) => {
    const reply = await setup({ credential: openai[kind] }, { query: "?dry_run=true" });
    expect(reply.status).toBe(200);
    expect(answers.verdictAnswer.parse(reply.body)).toMatchObject({ success: false, outcome, code, dry_run: true });
    expectProblem(await get(), 404, "not_configured");
  });

  const conditions: Array<[Record<string, string>, number, string | null]> = [
    [{ "if-none-match": "*" }, 412, "already_exists"],
    [{ "if-match": '"v7"' }, 412, "precondition_failed"],
    [{ "if-match": '"v1"' }, 200, null],
    [{ "if-match": "*" }, 200, null],
  ];
  test.each(conditions)("of a replacement under %j answers %i, as setup would", async (headers, status, code) => {
    await setup({ credential: openai.good });
    const asked = service.simulators.requests.length;
    const reply = await setup({ credential: openai.another }, { query: "?dry_run=true", headers });
    if (code === null) {
      expect(reply).toMatchObject({ status, body: { success: true, dry_run: true } });
    } else {
      expectProblem(reply, status, code);
      expect(service.simulators.requests, "nobody is asked").toHaveLength(asked);
    }
  });

  test("of a first credential holds If-None-Match and refuses If-Match", async () => {
    const dry = (headers: Record<string, string>) =>
      setup({ credential: openai.good }, { query: "?dry_run=true", headers });
    expect((await dry({ "if-none-match": "*" })).status).toBe(200);
    for (const tag of ["*", '"v1"']) expectProblem(await dry({ "if-match": tag }), 412, "precondition_failed");
  });

  test("refuses a wrong format as setup does", async () => {
    expectProblem(await setup({ credential: "nonsense" }, { query: "?dry_run=true" }), 422, "credential_format");
  });
});

describe("the older bodies are taken, and answered with Deprecation", () => {
  const cases: Array<[string, unknown, Record<string, string>, Record<string, unknown>]> = [
    ["credentials.api_key", { credentials: { api_key: openai.good } }, { api_key: openai.good }, {}],
    [
      "credentials and config",
      { credentials: { api_key: openai.good }, config: { team: "finops" } },
      { api_key: openai.good },
      { team: "finops" },
    ],
    [
      "config with a field of the credential",
      { credentials: { api_key: openai.good }, config: { organization_id: "org-12345" } },
      { api_key: openai.good, organization_id: "org-12345" },
      { organization_id: "org-12345" },
    ],
    ["fields at top level", { api_key: openai.good }, { api_key: openai.good }, {}],
    [
      "two fields at top level and a name",
      { api_key: openai.good, organization_id: "org-12345", credential_name: "Old" },
      { api_key: openai.good, organization_id: "org-12345" },
      { organization_id: "org-12345" },
    ],
  ];
  test.each(cases)("%s", async (_, body, credential, metadata) => {
    const reply = await setup(body);
    expect(reply.status).toBe(201);
    expect(reply.headers.get("deprecation")).toBe("@1770508800");
    expect((await decrypt()).body.credential).toEqual(credential);
    expect((await get()).body.metadata).toEqual(metadata);
  });

  test("but not with a key that nobody knows", async () => {
    for (const body of [
      { api_key: openai.good, surplus: 1 },
      { credentials: { api_key: openai.good }, surplus: 1 },
      { credentials: "x" },
      { credentials: {} },
      { credential: openai.good, api_key: openai.good },
    ])
      expectProblem(await setup(body), 400, "request_malformed");
  });
});

describe("pasted text is repaired once, and the repaired value is what is proven, stored and handed out", () => {
  const cases: Array<[string, string]> = [
    ["spaces around it", `  ${openai.good}  `],
    ["a line break behind it", `${openai.good}\r\n`],
    ["quotes", `"${openai.good}"`],
    ["single quotes and spaces", ` '${openai.good}' `],
    ["typographic quotes", `“${openai.good}”`],
    ["a byte order mark and a zero-width space", `\ufeff${openai.good}\u200b`],
    ["the header it was copied from", `Authorization: Bearer ${openai.good}`],
  ];
  test.each(cases)("%s", async (_, credential) => {
    expect((await setup({ credential })).status).toBe(201);
    expect((await decrypt()).body).toMatchObject({
      credential: { api_key: openai.good },
      fingerprint: (await get()).body.fingerprint,
    });
    for (const { headers } of service.simulators.requests)
      expect(headers["authorization"]).toBe(`Bearer ${openai.good}`);
  });

  test.each([
    ["a space inside", `${openai.good.slice(0, 20)} ${openai.good.slice(20)}`],
    ["a line break inside", `${openai.good.slice(0, 20)}\n${openai.good.slice(20)}`],
    ["a mask", `${openai.good.slice(0, 10)}****`],
    ["nothing but quotes", '""'],
    ["more than 8 KiB", `sk-${"a".repeat(9_000)}`],
    ["a null byte", `${openai.good}\u0000x`],
  ])("%s is not repaired but refused", async (_, credential) => {
    const reply = await setup({ credential });
    expectProblem(reply, 422, "credential_format");
    expect(reply.text).not.toContain(openai.good.slice(0, 20));
    expect(service.simulators.requests).toHaveLength(0);
  });
});

describe("a key that clearly belongs to another provider is refused with that provider's name", () => {
  test.each([
    ["openai", exampleKeys("ANTHROPIC").good, "OpenAI", "Anthropic"],
    ["anthropic", openai.good, "Anthropic", "OpenAI"],
    ["gemini", exampleKeys("GROQ").good, "Google Gemini", "Groq"],
    ["mistral", openai.good, "Mistral AI", "OpenAI"],
  ])("%s is given the key %s", async (provider, credential, name, other) => {
    const reply = await setup({ credential }, { provider });
    expectProblem(reply, 422, "credential_format");
    expect(reply.body).toMatchObject({
      detail: `Invalid API key format for ${name}: this looks like a key of ${other}`,
      reason: "other_provider",
      remedy: expect.stringContaining(other),
    });
    expect(service.simulators.requests).toHaveLength(0);
  });
});

describe("an expiry", () => {
  test("that is a date alone means its last second", async () => {
    const day = inDays(40).slice(0, 10);
    await setup({ credential: openai.good, expires_at: day });
    expect((await get()).body.expires_at).toBe(`${day}T23:59:59.000Z`);
  });
  test("with an offset is kept in UTC", async () => {
    const day = inDays(40).slice(0, 10);
    await setup({ credential: openai.good, expires_at: `${day}T01:30:00+01:00` });
    expect((await get()).body.expires_at).toBe(`${day}T00:30:00.000Z`);
  });
  test("that the provider knows counts where it is earlier than the declared one", async () => {
    await setup({ credential: openai.expiring, expires_at: inDays(90) });
    expect(Date.parse((await get()).body.expires_at)).toBeLessThan(Date.now() + 11 * DAY_MS);
    await setup({ credential: openai.expiring, expires_at: inDays(2) });
    expect(Date.parse((await get()).body.expires_at)).toBeLessThan(Date.now() + 3 * DAY_MS);
  });
});

describe("preconditions", () => {
  test("If-None-Match: * creates only", async () => {
    const headers = { "if-none-match": "*" };
    expect((await setup({ credential: openai.good }, { headers })).status).toBe(201);
    const asked = service.simulators.requests.length;
    expectProblem(await setup({ credential: openai.another }, { headers }), 412, "already_exists");
    expect(service.simulators.requests).toHaveLength(asked);
    await service.send("PUT", `/${org}/openai`, { key, body: { enabled: false } });
    expectProblem(await setup({ credential: openai.another }, { headers }), 412, "already_exists");
    await service.send("DELETE", `/${org}/openai`, { key });
    expect((await setup({ credential: openai.good }, { headers })).status).toBe(201);
  });

  test("If-Match replaces only the version it names", async () => {
    expectProblem(
      await setup({ credential: openai.good }, { headers: { "if-match": "*" } }),
      412,
      "precondition_failed",
    );
    const first = await setup({ credential: openai.good });
    const etag = String(first.headers.get("etag"));
    expectProblem(
      await setup({ credential: openai.another }, { headers: { "if-match": '"v7"' } }),
      412,
      "precondition_failed",
    );
    expectProblem(
      await setup({ credential: openai.another }, { headers: { "if-match": `W/${etag}` } }),
      412,
      "precondition_failed",
    );
    await service.send("POST", `/${org}/openai/validate`, { key });
    expect((await setup({ credential: openai.another }, { headers: { "if-match": `"v9", ${etag}` } })).status).toBe(
      200,
    );
    expectProblem(
      await setup({ credential: openai.good }, { headers: { "if-match": etag } }),
      412,
      "precondition_failed",
    );
    expect((await setup({ credential: openai.good }, { headers: { "if-match": "*" } })).status).toBe(200);
  });
});

test("no credential stands in the output, the audit log or any answer but decrypt's", async () => {
  const { stdout, stderr } = service.output();
  const audit = JSON.stringify(await service.audit());
  for (const secret of [openai.good, openai.admin ?? "", openai.revoked, exampleKeys("ANTHROPIC").good])
    expect(stdout + stderr + audit).not.toContain(secret);
});
