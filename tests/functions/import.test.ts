import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys, providerCodes } from "../simulators/start.ts";

const openai = exampleKeys("OPENAI");
let service: Service;
let key: string;
let org: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
});
afterAll(() => service.close());
beforeEach(async () => {
  service.simulators.reset();
  count += 1;
  org = `org-${count}`;
  key = await service.orgKey(org);
});

const bulk = (items: unknown, query = "") => service.send("POST", `/${org}/import${query}`, { key, body: { items } });
const configured = async () => (await service.send("GET", `/${org}`, { key })).body.providers_configured;

test("all providers are set up in one request", async () => {
  const reply = await bulk(
    providerCodes.map((code) => ({
      provider: code.toLowerCase(),
      credential: exampleKeys(code).good,
      metadata: { team: "finops" },
    })),
  );
  expect(reply.status).toBe(200);
  expect(answers.importAnswer.parse(reply.body).success).toBe(true);
  expect(
    reply.body.results.map(({ index, provider }: { index: number; provider: string }) => [index, provider]),
  ).toEqual(providerCodes.map((code, index) => [index, code]));
  expect((await configured()).sort()).toEqual([...providerCodes].sort());
  const one = await service.send("GET", `/${org}/groq`, { key });
  expect(one.body).toMatchObject({
    status: "VALID",
    credential_name: "Groq API Key",
    metadata: { team: "finops" },
    credential_id: reply.body.results.find(({ provider }: { provider: string }) => provider === "GROQ").credential_id,
  });
  expect(one.headers.get("etag")).toBe('"v1"');
});

test("each item ends for itself, and what failed has changed nothing", async () => {
  await service.send("POST", `/${org}/openai/setup`, {
    key,
    body: { credential: openai.good, credential_name: "Old" },
  });
  const reply = await bulk([
    { provider: "openai", credential: openai.revoked },
    { provider: "groq", credential: exampleKeys("GROQ").good, credential_name: "New" },
    { provider: "xai", credential: "nonsense" },
    { provider: "mistral" },
    { provider: "cohere", credential: exampleKeys("COHERE").outage },
    { provider: "gemini", credential: exampleKeys("GEMINI").good, metadata: { surplus: "x" } },
  ]);
  expect(reply.status).toBe(200);
  answers.importAnswer.parse(reply.body);
  expect(reply.body).toMatchObject({
    success: false,
    results: [
      {
        index: 0,
        provider: "OPENAI",
        status: "failed",
        code: "credential_rejected",
        error: "OpenAI API key is invalid or expired",
      },
      { index: 1, provider: "GROQ", status: "completed", credential_id: expect.any(String) },
      {
        index: 2,
        provider: "XAI",
        status: "failed",
        code: "credential_format",
        errors: [{ field: "/items/2/credential" }],
      },
      { index: 3, provider: "MISTRAL", status: "failed", code: "request_malformed" },
      { index: 4, provider: "COHERE", status: "failed", code: "provider_unreachable" },
      {
        index: 5,
        provider: "GEMINI",
        status: "failed",
        code: "request_malformed",
        errors: [{ field: "/items/5/metadata" }],
      },
    ],
  });
  expect(reply.text).not.toContain(openai.revoked);
  expect(await configured()).toEqual(["OPENAI", "GROQ"]);
  expect((await service.send("GET", `/${org}/openai`, { key })).body).toMatchObject({
    credential_name: "Old",
    status: "VALID",
  });
});

test("an item replaces what is there and keeps what it does not name", async () => {
  await service.send("POST", `/${org}/openai/setup`, {
    key,
    body: { credential: openai.good, credential_name: "Old", metadata: { team: "finops" } },
  });
  await service.send("PUT", `/${org}/openai`, { key, body: { enabled: false } });
  expect(
    (await bulk([{ provider: "openai", credential: openai.another, metadata: { owner: "ann" } }])).body.success,
  ).toBe(true);
  const one = await service.send("GET", `/${org}/openai`, { key });
  expect(one.body).toMatchObject({ credential_name: "Old", metadata: { team: "finops", owner: "ann" }, enabled: true });
  expect(one.headers.get("etag")).toBe('"v3"');
});

test("a dry run asks the providers and stores nothing", async () => {
  const reply = await bulk(
    [
      { provider: "openai", credential: openai.good },
      { provider: "groq", credential: exampleKeys("GROQ").revoked },
    ],
    "?dry_run=true",
  );
  expect(answers.importAnswer.parse(reply.body)).toMatchObject({
    success: false,
    dry_run: true,
    results: [{ status: "completed" }, { status: "failed", code: "credential_rejected" }],
  });
  expect(reply.body.results[0]).not.toHaveProperty("credential_id");
  expect(service.simulators.requests.length).toBeGreaterThan(0);
  expect(await configured()).toEqual([]);
});

test("a provider that nobody knows fails for itself, and is not repeated; the others go on", async () => {
  const reply = await bulk([
    { provider: "nosuch", credential: "x" },
    { provider: "openai", credential: openai.good },
    { provider: "another_one" },
  ]);
  expect(reply.status).toBe(200);
  expect(answers.importAnswer.parse(reply.body)).toMatchObject({
    success: false,
    results: [
      { index: 0, provider: "UNKNOWN", status: "failed", code: "provider_unknown" },
      { index: 1, provider: "OPENAI", status: "completed" },
      { index: 2, provider: "UNKNOWN", status: "failed", code: "provider_unknown" },
    ],
  });
  expect(reply.text).not.toMatch(/nosuch|another_one/i);
  expect(await configured()).toEqual(["OPENAI"]);
  expect((await bulk([{ provider: "nosuch" }])).body).toMatchObject({ success: false, results: [{ index: 0 }] });
});

test("each credential that was stored has an audit record of its own, with its id, and a replay has none", async () => {
  await service.send("POST", `/${org}/groq/setup`, { key, body: { credential: exampleKeys("GROQ").good } });
  const send = () =>
    service.send("POST", `/${org}/import`, {
      key,
      headers: { "idempotency-key": "once" },
      body: {
        items: [
          { provider: "openai", credential: openai.good },
          { provider: "groq", credential: exampleKeys("GROQ").another },
          { provider: "xai", credential: exampleKeys("XAI").revoked },
        ],
      },
    });
  const audited = (id: string | null) => service.audit(id);
  const reply = await send();
  const [first, second] = reply.body.results;
  const own = { org_slug: org, operation: "setup", decision: "allow", outcome: "ok", actor_id: key.split("_")[2] };
  const sealed = { fingerprint: expect.stringMatching(/^[0-9a-f]{8}$/), key_version: "1" };
  expect(await audited(reply.headers.get("x-request-id"))).toEqual([
    expect.objectContaining({ ...own, ...sealed, provider: "OPENAI", credential_id: first.credential_id, status: 201 }),
    expect.objectContaining({ ...own, ...sealed, provider: "GROQ", credential_id: second.credential_id, status: 200 }),
    expect.objectContaining({ ...own, operation: "import", status: 200 }),
  ]);
  const again = await send();
  expect(again.body.results.slice(0, 2)).toEqual([first, second]);
  expect((await audited(again.headers.get("x-request-id"))).map(({ operation }) => operation)).toEqual(["import"]);
});

test("a provider that stands twice refuses the whole before anything is asked", async () => {
  expectProblem(
    await bulk([
      { provider: "openai", credential: openai.good },
      { provider: "openai", credential: openai.another },
    ]),
    400,
    "request_malformed",
  );
  expect(service.simulators.requests).toHaveLength(0);
  expect(await configured()).toEqual([]);
});

test("two imports at once leave one current credential each, and each item says whether it was its own", async () => {
  const replies = await Promise.all(
    [openai.good, openai.another].map((credential) => bulk([{ provider: "openai", credential }])),
  );
  const ids = replies
    .flatMap(({ body }) => body.results)
    .filter(({ status }) => status === "completed")
    .map(({ credential_id }) => credential_id);
  expect(ids.length).toBeGreaterThanOrEqual(1);
  expect(ids).toContain((await service.send("GET", `/${org}/openai`, { key })).body.credential_id);
  for (const { body } of replies)
    if (!body.success) expect(body.results[0]).toMatchObject({ status: "failed", code: "conflict" });
});

test("no credential of an import stands in the output or the audit log", async () => {
  const { stdout, stderr } = service.output();
  const audit = JSON.stringify(await service.audit());
  for (const code of providerCodes) expect(stdout + stderr + audit).not.toContain(exampleKeys(code).good);
});
