import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { registry } from "../registry/the-registry.ts";
import { type Service, startService } from "../service/harness.ts";
import { cloudCodes, clouds, exampleKeys, providerCodes } from "../simulators/start.ts";

const openai = exampleKeys("OPENAI");
const known = registry.entries.map(({ code }) => code);
const cloudProviders = registry.entries.filter(({ category }) => category === "cloud").map(({ code }) => code);
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const DAY_MS = 86_400_000;
let service: Service;
let key: string;
let token: string;

beforeAll(async () => {
  service = await startService();
  key = await service.orgKey("acme");
  await service.grant("pipeline", ["acme", "reports"]);
  token = await service.token("pipeline");
  await setup("acme", key, "openai", {
    credential: openai.good,
    expires_at: new Date(Date.now() + 20 * DAY_MS).toISOString(),
  });
  await setup("acme", key, "groq", {
    credential: exampleKeys("GROQ").good,
    expires_at: new Date(Date.now() + 60 * DAY_MS).toISOString(),
  });
  await setup("acme", key, "xai", { credential: exampleKeys("XAI").good, skip_validation: true });
});
afterAll(() => service.close());

const setup = (org: string, own: string, provider: string, body: unknown) =>
  service.send("POST", `/${org}/${provider}/setup`, { key: own, body });
const list = (query = "") => service.send("GET", `/acme${query}`, { key });
const codes = async (query: string) => Object.keys((await list(query)).body.integrations).sort();

describe("the list", () => {
  test("has every provider of the registry, configured or not", async () => {
    const { body } = await list();
    answers.listAnswer.parse(body);
    expect(Object.keys(body.integrations).sort()).toEqual([...known].sort());
    expect(body).toMatchObject({
      org_slug: "acme",
      all_valid: false,
      all_configured_valid: false,
      providers_configured: ["OPENAI", "GROQ", "XAI"],
    });
  });

  const filters: Array<[string, string[]]> = [
    ["?configured=true", ["GROQ", "OPENAI", "XAI"]],
    ["?expiring_within=30d", ["OPENAI"]],
    ["?expiring_within=999d", ["GROQ", "OPENAI"]],
    ["?expiring_within=1d", []],
    ["?category=cloud", [...cloudProviders].sort()],
    ["?category=cloud&configured=true", []],
    ["?category=genai&configured=true&expiring_within=90d", ["GROQ", "OPENAI"]],
  ];
  test.each(filters)("%s shows %j", async (query, shown) => {
    expect(await codes(query)).toEqual(shown);
  });

  test("shows what is missing, and its totals go by all whatever it shows", async () => {
    expect(await codes("?configured=false")).toEqual(
      known.filter((code) => !["OPENAI", "GROQ", "XAI"].includes(code)).sort(),
    );
    expect((await list("?category=cloud")).body).toMatchObject({
      providers_configured: ["OPENAI", "GROQ", "XAI"],
    });
  });

  test("of an organisation that has nothing is no failure", async () => {
    const { body } = await service.send("GET", "/empty", { key: await service.orgKey("empty", "read") });
    expect(answers.listAnswer.parse(body)).toMatchObject({
      all_valid: false,
      all_configured_valid: false,
      providers_configured: [],
    });
  });

  test("says all_valid when every provider that takes a credential is VALID", async () => {
    const own = await service.orgKey("full");
    const role = { role_arn: "arn:aws:iam::111122223333:role/for/full/CloudAct-CostReader" };
    const items = [
      ...providerCodes.map((code) => ({ provider: code.toLowerCase(), credential: exampleKeys(code).good })),
      ...cloudCodes.map((code) => ({
        provider: code.toLowerCase(),
        credential: code === "AWS_IAM" ? role : clouds[code]?.credential(),
      })),
    ];
    await service.send("POST", "/full/import", { key: own, body: { items } });
    expect((await service.send("GET", "/full", { key: own })).body).toMatchObject({
      all_valid: true,
      all_configured_valid: true,
    });
  });
});

describe("the history", () => {
  test("is paged, newest first, without gap or repetition", async () => {
    const own = await service.orgKey("history");
    await setup("history", own, "openai", { credential: openai.good });
    for (let index = 0; index < 6; index += 1)
      await service.send("PUT", "/history/openai", { key: own, body: { credential_name: `N${index}` } });
    const page = (query: string) => service.send("GET", `/history/openai/history${query}`, { key: own });
    const whole = (await page("")).body;
    expect(answers.historyAnswer.parse(whole)).toMatchObject({ next_cursor: null });
    expect(whole.items.map(({ type }: { type: string }) => type)).toEqual([
      ...Array.from({ length: 6 }, () => "update"),
      "setup",
    ]);
    const times = whole.items.map(({ at }: { at: string }) => at);
    expect(times).toEqual([...times].sort().reverse());
    const collected: unknown[] = [];
    let cursor: string | null = null;
    do {
      const { body }: { body: { items: unknown[]; next_cursor: string | null } } = await page(
        `?limit=3${cursor ? `&cursor=${cursor}` : ""}`,
      );
      expect(body.items.length).toBeLessThanOrEqual(3);
      collected.push(...body.items);
      cursor = body.next_cursor;
    } while (cursor !== null);
    expect(collected).toEqual(whole.items);
  });

  test("has changes of status among the versions, and no check that changed nothing", async () => {
    const own = await service.orgKey("status");
    await setup("status", own, "groq", { credential: exampleKeys("GROQ").good, skip_validation: true });
    for (let times = 0; times < 3; times += 1) await service.send("POST", "/status/groq/validate", { key: own });
    const { items } = (await service.send("GET", "/status/groq/history", { key: own })).body;
    expect(items.map(({ type, status }: { type: string; status: string }) => [type, status])).toEqual([
      ["check", "VALID"],
      ["setup", expect.anything()],
    ]);
  });

  test("of what was never configured is empty, and holds no other organisation's", async () => {
    expect((await service.send("GET", "/acme/deepseek/history", { key })).body).toEqual({
      items: [],
      next_cursor: null,
    });
    const { items } = (await service.send("GET", "/acme/openai/history", { key })).body;
    expect(items).toHaveLength(1);
  });

  test("takes no cursor that it did not give", async () => {
    for (const cursor of ["x", "AAAA", "eyJhIjoxfQ", "0".repeat(500)])
      expectProblem(
        await service.send("GET", `/acme/openai/history?cursor=${cursor}`, { key }),
        400,
        "request_malformed",
      );
  });
});

test("the registry's public face needs no key, on both its paths, and holds no probe", async () => {
  const [short, long] = [
    await service.send("GET", `${service.origin}/api/v1/providers`),
    await service.send("GET", "/providers"),
  ];
  expect(short.body).toEqual(long.body);
  const shown = short.body.providers.map(({ code }: { code: string }) => code);
  expect(shown.filter((code: string) => code !== registry.custom?.code).sort()).toEqual([...known].sort());
  answers.providersAnswer.parse(short.body);
  expect(short.text).not.toMatch(/"probe"|"rules"|authorization/i);
});

test("the contract itself can be read as OpenAPI", async () => {
  const { status, body } = await service.send("GET", "/openapi.json");
  expect({ status, version: body.openapi }).toMatchObject({ status: 200, version: expect.stringMatching(/^3\.1/) });
});

test("the instructions are for this organisation", async () => {
  const { body } = await service.send("GET", "/acme/openai/instructions", { key });
  expect(answers.instructionsAnswer.parse(body)).toMatchObject({
    org_slug: "acme",
    provider: "OPENAI",
    setup: { method: "POST", path: "/api/v1/integrations/acme/openai/setup" },
  });
});

describe("a pipeline's report that a credential was refused", () => {
  const report = (change: object = {}) =>
    service.send("POST", "/reports/openai/failures", {
      token,
      body: { ...RUN, credential_id: current, http_status: 401, ...change },
    });
  const head = () => service.parts.store.readHead({ org_slug: "reports", provider: "OPENAI" });
  let current = "";
  let own = "";
  beforeAll(async () => {
    own = await service.orgKey("reports");
    current = (await setup("reports", own, "openai", { credential: openai.good })).body.credential_id;
  });

  test("about a credential that is not current is taken and changes nothing", async () => {
    const reply = await report({ credential_id: "7d3f1f1e-3c4b-4a5d-8e6f-001122334455" });
    expect(reply.status).toBe(202);
    answers.reportedAnswer.parse(reply.body);
    expect(await head()).toMatchObject({ reported_at: null });
  });

  test("makes the current one due at once, and the next sweep checks it", async () => {
    expect((await report()).status).toBe(202);
    const reported = await head();
    expect(reported?.reported_at).not.toBeNull();
    expect(reported?.next_due_at ?? "").toBe(reported?.reported_at);
    expect(reported?.validation_status).toBe("VALID");
    expect((await report()).status).toBe(202);
    expect((await head())?.reported_at).toBe(reported?.reported_at);
    const swept = await service.send("POST", "/revalidate", {
      token: await service.token("scheduler"),
      body: { org: "reports" },
    });
    expect(answers.sweepAnswer.parse(swept.body)).toMatchObject({ checked: 1, valid: 1 });
    expect(await head()).toMatchObject({ reported_at: null, validation_status: "VALID" });
  });

  test("of another organisation's credential is ignored", async () => {
    const foreign = (await service.send("GET", "/acme/openai", { key })).body.credential_id;
    expect((await report({ credential_id: foreign })).status).toBe(202);
    expect(await service.parts.store.readHead({ org_slug: "acme", provider: "OPENAI" })).toMatchObject({
      reported_at: null,
    });
  });

  test("where nothing is configured is taken as well", async () => {
    expect(
      (await service.send("POST", "/reports/groq/failures", { token, body: { ...RUN, credential_id: current } }))
        .status,
    ).toBe(202);
  });
});

describe("a row that cannot be read", () => {
  beforeAll(async () => {
    const own = await service.orgKey("corrupt");
    for (const provider of ["openai", "groq"])
      await setup("corrupt", own, provider, { credential: exampleKeys(provider === "groq" ? "GROQ" : "OPENAI").good });
    await service.backend.spoil({ org_slug: "corrupt", provider: "GROQ" }, { metadata: "no object" });
  });

  test("stands in the list as an error, counts as configured, and hides nothing of the others", async () => {
    const own = await service.orgKey("corrupt");
    const { status, body } = await service.send("GET", "/corrupt", { key: own });
    expect(status).toBe(200);
    expect(answers.listAnswer.parse(body)).toMatchObject({
      integrations: {
        GROQ: { provider: "GROQ", lifecycle: "error", code: "integrity" },
        OPENAI: { status: "VALID", lifecycle: "active" },
      },
      all_valid: false,
      all_configured_valid: false,
      providers_configured: ["OPENAI", "GROQ"],
    });
    const shown = async (query: string) =>
      Object.keys((await service.send("GET", `/corrupt${query}`, { key: own })).body.integrations);
    expect(await shown("?configured=true")).toEqual(["OPENAI", "GROQ"]);
    expect(await shown("?configured=false")).not.toContain("GROQ");
    expectProblem(await service.send("GET", "/corrupt/groq", { key: own }), 500, "integrity");
  });
});

describe("decrypt", () => {
  const audited = (id: string | null) => service.audit(id);

  test.each([
    ["disabled", { enabled: false }, null],
    ["INVALID", { enabled: true }, { validation_status: "INVALID" }],
    ["EXPIRED", { enabled: true }, { validation_status: "EXPIRED" }],
    [
      "deactivated",
      { enabled: true },
      { validation_status: "VALID", deactivation_scheduled_at: "2020-01-01T00:00:00.000Z" },
    ],
  ])("that is refused because the credential is %s is audited with its id", async (_, body, columns) => {
    const own = await service.orgKey("reports");
    const made = await setup("reports", own, "xai", { credential: exampleKeys("XAI").good });
    await service.send("PUT", "/reports/xai", { key: own, body });
    if (columns !== null) await service.backend.spoil({ org_slug: "reports", provider: "XAI" }, columns);
    await service.freshDecrypt();
    const refused = await service.send("POST", "/reports/xai/decrypt", { token, body: RUN });
    expectProblem(refused, 409, "credential_not_usable");
    expect(refused.text).not.toContain(made.body.credential_id);
    expect(await audited(refused.headers.get("x-request-id"))).toEqual([
      expect.objectContaining({
        operation: "decrypt",
        outcome: "error",
        reason_code: "credential_not_usable",
        credential_id: made.body.credential_id,
        ...RUN,
      }),
    ]);
  });

  test("with none tells everything but the secret", async () => {
    const { body } = await service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, as: "none" } });
    expect(answers.decryptAnswer.parse(body)).toMatchObject({
      credential: null,
      provider: "OPENAI",
      validation_status: "VALID",
    });
  });

  test("of an INVALID credential is refused with what to do", async () => {
    const own = await service.orgKey("reports");
    await setup("reports", own, "groq", { credential: exampleKeys("GROQ").revoked, skip_validation: true });
    await service.freshDecrypt();
    expect((await service.send("POST", "/reports/groq/decrypt", { token, body: RUN })).body.validation_status).toBe(
      "PENDING",
    );
    const validated = await service.send("POST", "/reports/groq/validate", { key: own });
    expect(answers.verdictAnswer.parse(validated.body)).toMatchObject({
      success: false,
      validation_status: "INVALID",
      outcome: "rejected",
      message: "Groq API key is invalid or expired",
    });
    await service.freshDecrypt();
    const refused = await service.send("POST", "/reports/groq/decrypt", { token, body: RUN });
    expectProblem(refused, 409, "credential_not_usable");
    expect(refused.body).toMatchObject({ reason: "invalid", remedy: expect.stringContaining("console.groq.com") });
    expectProblem(
      await service.send("POST", "/reports/groq/decrypt", { token, body: { ...RUN, as: "none" } }),
      409,
      "credential_not_usable",
    );
  });
});
