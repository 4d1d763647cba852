import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serveInProcess, withMethods } from "../http/in-process.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";

const groq = exampleKeys("GROQ");
let one: Service;
let two: Service;
let tomorrow: Service;
let key: string;
let org: string;
let count = 0;

beforeAll(async () => {
  one = await startService();
  [two, tomorrow] = await Promise.all([
    startService({ home: one.home, simulators: one.simulators }),
    startService({
      home: one.home,
      simulators: one.simulators,
      env: { INTEGRATIONS_CLOCK_OFFSET_S: String(25 * 3_600) },
    }),
  ]);
});
afterAll(async () => {
  await two.close();
  await tomorrow.close();
  await one.close();
});
beforeEach(async () => {
  one.simulators.reset();
  count += 1;
  org = `org-${count}`;
  key = await one.orgKey(org);
});

const headers = { "idempotency-key": "the key" };
const setup = (service: Service, credential: string, provider = "groq", own = key) =>
  service.send("POST", `/${org}/${provider}/setup`, { key: own, body: { credential }, headers });
const versions = async () => (await one.send("GET", `/${org}/groq/history`, { key })).body.items.length;

test("the same key and body are answered again, in another process too, without a second version", async () => {
  const first = await setup(one, groq.good);
  const asked = one.simulators.requests.length;
  for (const service of [one, two]) {
    const again = await setup(service, groq.good);
    expect(again).toMatchObject({ status: 201, body: first.body });
    expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
  }
  expect(await versions()).toBe(1);
  expect(one.simulators.requests).toHaveLength(asked);
});

test("the answer is the first one's even where the integration has changed since", async () => {
  const first = await setup(one, groq.good);
  await one.send("PUT", `/${org}/groq`, { key, body: { credential_name: "New" } });
  expect((await setup(two, groq.good)).body).toEqual(first.body);
  expect(await versions()).toBe(2);
});

test("another body under the same key is refused, in another process too", async () => {
  await setup(one, groq.good);
  for (const service of [one, two]) expectProblem(await setup(service, groq.another), 422, "idempotency_reuse");
  expectProblem(
    await one.send("POST", `/${org}/groq/setup`, {
      key,
      raw: JSON.stringify({ credential: groq.good }, null, 1),
      headers,
    }),
    422,
    "idempotency_reuse",
  );
  expect(await versions()).toBe(1);
});

test("a failure is not kept: the same request runs again", async () => {
  one.simulators.always("GROQ", "outage");
  expectProblem(await setup(one, groq.good), 502, "provider_unreachable");
  one.simulators.always("GROQ", null);
  expect((await setup(two, groq.good)).status).toBe(201);
  expectProblem(
    await one.send("POST", `/${org}/groq/setup`, { key, body: {}, headers: { "idempotency-key": "k2" } }),
    400,
    "request_malformed",
  );
  expect(
    (
      await one.send("POST", `/${org}/groq/setup`, {
        key,
        body: { credential: groq.good },
        headers: { "idempotency-key": "k2" },
      })
    ).status,
  ).toBe(200);
});

test("after a day the key is forgotten", async () => {
  const first = await setup(one, groq.good);
  const late = await setup(tomorrow, groq.another);
  expect(late.status).toBe(200);
  expect(late.body.credential_id).not.toBe(first.body.credential_id);
});

test("an answer is given again although a time that was named in the request has passed since", async () => {
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const { clock } = one.parts;
  const later = { ...one.parts, log: () => {}, clock: withMethods(clock, { now: () => clock.now() + 3 * 3_600_000 }) };
  const inThreeHours = await serveInProcess(async () => later);
  try {
    const bodies = [
      ["POST", `/${org}/groq/setup`, { credential: groq.good, expires_at: at(1) }],
      ["PUT", `/${org}/groq`, { expires_at: at(2) }],
      ["PUT", `/${org}/groq`, { deactivation_scheduled_at: at(2), credential_name: "Last" }],
    ] as const;
    for (const [index, [method, path, body]] of bodies.entries()) {
      const own = { key, body, headers: { "idempotency-key": `named ${index}` } };
      const first = await one.send(method, path, own);
      expect(first.status).toBeLessThan(300);
      const again = await inThreeHours.send(method, path, own);
      expect(again).toMatchObject({ status: first.status, body: first.body });
      expect(again.headers.get("etag")).toBe(first.headers.get("etag"));
      const fresh = { ...own, headers: { "idempotency-key": `new ${index}` } };
      expect((await inThreeHours.send(method, path, fresh)).status, "a first one would be refused").toBe(400);
    }
  } finally {
    await inThreeHours.close();
  }
});

test("a key belongs to its organisation, provider and route", async () => {
  const first = await setup(one, groq.good);
  const other = await setup(one, exampleKeys("XAI").good, "xai");
  expect(other).toMatchObject({ status: 201, body: { provider: "XAI" } });
  const rotated = await one.send("POST", `/${org}/groq/rotate`, {
    key,
    body: { new_credentials: groq.another },
    headers,
  });
  expect(rotated).toMatchObject({ status: 200, body: { message: "Credential rotated successfully" } });
  const put = await one.send("PUT", `/${org}/groq`, { key, body: { credential_name: "Name" }, headers });
  expect(put.status).toBe(200);
  org = "another-org";
  const elsewhere = await setup(one, groq.good, "groq", await one.orgKey(org));
  expect(elsewhere.status).toBe(201);
  expect(elsewhere.body.credential_id).not.toBe(first.body.credential_id);
});

test("PUT and rotate are answered again as well", async () => {
  await one.send("POST", `/${org}/groq/setup`, { key, body: { credential: groq.good } });
  const put = () => one.send("PUT", `/${org}/groq`, { key, body: { credential_name: "Name" }, headers });
  const rotate = () =>
    two.send("POST", `/${org}/groq/rotate`, { key, body: { new_credentials: groq.another }, headers });
  const [firstPut, firstRotate] = [await put(), await rotate()];
  const [secondPut, secondRotate] = [await put(), await rotate()];
  expect(secondPut.body).toEqual(firstPut.body);
  expect(secondRotate.body).toEqual(firstRotate.body);
  expect(secondRotate.headers.get("etag")).toBe('"v3"');
  expect(await versions()).toBe(3);
});

test("the same request at once in two processes makes one version, and both hear of it", async () => {
  one.simulators.latency("GROQ", 100);
  const replies = await Promise.all([setup(one, groq.good), setup(two, groq.good)]);
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
  expect(new Set(replies.map(({ body }) => body.credential_id)).size).toBe(1);
  expect(await versions()).toBe(1);
});

describe("an import", () => {
  const items = () => ({
    items: [
      { provider: "groq", credential: groq.good },
      { provider: "xai", credential: exampleKeys("XAI").good },
      { provider: "mistral", credential: exampleKeys("MISTRAL").good },
    ],
  });
  const bulk = (service: Service, body: unknown) => service.send("POST", `/${org}/import`, { key, body, headers });

  test("is answered again, and what failed in it runs again", async () => {
    one.simulators.always("XAI", "outage");
    const first = await bulk(one, items());
    expect(first.body.results.map(({ status }: { status: string }) => status)).toEqual([
      "completed",
      "failed",
      "completed",
    ]);
    one.simulators.always("XAI", null);
    const second = await bulk(two, items());
    expect(second.body).toMatchObject({
      success: true,
      results: [first.body.results[0], { status: "completed" }, first.body.results[2]],
    });
    expect((await bulk(one, items())).body).toEqual(second.body);
    expect(await versions()).toBe(1);
  });

  test("with another body under the same key is refused as a whole", async () => {
    await bulk(one, items());
    const body = { items: [{ provider: "openai", credential: exampleKeys("OPENAI").good }, ...items().items] };
    expectProblem(await bulk(two, body), 422, "idempotency_reuse");
    expectProblem(await one.send("GET", `/${org}/openai`, { key }), 404, "not_configured");
  });

  test("of other providers under the same key is refused as well, and stores nothing", async () => {
    const first = await bulk(one, items());
    const body = { items: [{ provider: "openai", credential: exampleKeys("OPENAI").good }] };
    for (const service of [one, two]) expectProblem(await bulk(service, body), 422, "idempotency_reuse");
    expectProblem(await one.send("GET", `/${org}/openai`, { key }), 404, "not_configured");
    expect((await bulk(two, items())).body).toEqual(first.body);
  });

  test("that is still running is not begun again", async () => {
    one.simulators.latency("GROQ", 300);
    const slow = bulk(one, items());
    await expect
      .poll(() => one.simulators.requests.some(({ provider }) => provider === "GROQ"), { interval: 5 })
      .toBe(true);
    expectProblem(await bulk(one, items()), 409, "in_flight");
    expect((await slow).body.success).toBe(true);
  });
});
