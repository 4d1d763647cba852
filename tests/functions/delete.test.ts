import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as answers from "../../shared/contract/answers.ts";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";

const openai = exampleKeys("OPENAI");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const DAY_MS = 86_400_000;
let now: Service;
let inThreeDays: Service;
let key: string;
let org: string;
let count = 0;

beforeAll(async () => {
  now = await startService();
  inThreeDays = await startService({
    home: now.home,
    simulators: now.simulators,
    env: { INTEGRATIONS_CLOCK_OFFSET_S: String(3 * 86_400) },
  });
  await now.grant(
    "pipeline",
    Array.from({ length: 20 }, (_, index) => `org-${index + 1}`),
    ["*"],
    { expires_at: inDays(90) },
  );
});
afterAll(async () => {
  await inThreeDays.close();
  await now.close();
});
beforeEach(async () => {
  count += 1;
  org = `org-${count}`;
  key = await now.orgKey(org);
  await now.send("POST", `/${org}/openai/setup`, { key, body: { credential: openai.good } });
});

const remove = (query = "", headers: Record<string, string> = {}) =>
  now.send("DELETE", `/${org}/openai${query}`, { key, headers });
const decrypt = async (service: Service) =>
  service.send("POST", `/${org}/openai/decrypt`, { token: await service.token("pipeline"), body: RUN });
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString();

test("deleting takes effect at once, for decrypt where it remembers nothing, and its history stays", async () => {
  expect((await decrypt(now)).status).toBe(200);
  const reply = await remove();
  expect(reply).toMatchObject({ status: 200, body: { success: true, message: "Integration deleted successfully" } });
  answers.deletedAnswer.parse(reply.body);
  await now.freshDecrypt();
  for (const gone of [
    await now.send("GET", `/${org}/openai`, { key }),
    await remove(),
    await decrypt(now),
    await now.send("POST", `/${org}/openai/validate`, { key }),
  ])
    expectProblem(gone, 404, "not_configured");
  const { items } = (await now.send("GET", `/${org}/openai/history`, { key })).body;
  expect(items.map(({ type }: { type: string }) => type)).toEqual(["delete", "setup"]);
});

test("deleting what was never there is 404", async () => {
  expectProblem(await now.send("DELETE", `/${org}/groq`, { key }), 404, "not_configured");
  expectProblem(
    await now.send("DELETE", `/${org}/groq?deactivation_scheduled_at=${inDays(1)}`, { key }),
    404,
    "not_configured",
  );
});

test("If-Match deletes only the version it names", async () => {
  expectProblem(await remove("", { "if-match": '"v2"' }), 412, "precondition_failed");
  expect((await remove("", { "if-match": '"v1"' })).status).toBe(200);
});

test("what is absent is 404 whatever If-Match names, so that who repeats a deletion knows that it is done", async () => {
  await remove("", { "if-match": '"v1"' });
  for (const named of ['"v1"', '"v2"', "*"])
    expectProblem(await remove("", { "if-match": named }), 404, "not_configured");
});

test("a deletion that is scheduled answers 202, shows, and works on until then", async () => {
  const at = inDays(2);
  const reply = await remove(`?deactivation_scheduled_at=${at}`);
  expect(reply).toMatchObject({
    status: 202,
    body: { success: true, message: "Deletion scheduled", deactivation_scheduled_at: at },
  });
  answers.deletedAnswer.parse(reply.body);
  expect(reply.headers.get("etag")).toBe('"v2"');
  expect((await now.send("GET", `/${org}/openai`, { key })).body).toMatchObject({
    deactivation_scheduled_at: at,
    enabled: true,
    lifecycle: "active",
  });
  expect((await decrypt(now)).status).toBe(200);
});

test("a date alone means its last second, an offset is brought to UTC", async () => {
  const day = inDays(2).slice(0, 10);
  expect((await remove(`?deactivation_scheduled_at=${day}`)).body.deactivation_scheduled_at).toBe(
    `${day}T23:59:59.000Z`,
  );
  expect(
    (await remove(`?deactivation_scheduled_at=${encodeURIComponent(`${day}T12:00:00+02:00`)}`)).body
      .deactivation_scheduled_at,
  ).toBe(`${day}T10:00:00.000Z`);
});

test("when it is due, everything treats it as gone before any sweep has run", async () => {
  await remove(`?deactivation_scheduled_at=${inDays(2)}`);
  const refused = await decrypt(inThreeDays);
  expectProblem(refused, 409, "credential_not_usable");
  expect(refused.body).toMatchObject({ reason: "deactivated", remedy: expect.stringContaining("setup") });
  expectProblem(await inThreeDays.send("GET", `/${org}/openai`, { key }), 404, "not_configured");
  expectProblem(await inThreeDays.send("DELETE", `/${org}/openai`, { key }), 404, "not_configured");
  expectProblem(
    await inThreeDays.send("PUT", `/${org}/openai`, { key, body: { enabled: true } }),
    404,
    "not_configured",
  );
  expect((await inThreeDays.send("GET", `/${org}`, { key })).body.providers_configured).toEqual([]);
  expect((await decrypt(now)).status).toBe(200);
});

test("the sweep deletes what is due, and only that", async () => {
  await remove(`?deactivation_scheduled_at=${inDays(2)}`);
  const [due, dueKey] = [org, key];
  org = "org-19";
  const other = await now.orgKey(org);
  await now.send("POST", `/${org}/openai/setup`, { key: other, body: { credential: openai.good } });
  await now.send("DELETE", `/${org}/openai?deactivation_scheduled_at=${inDays(30)}`, { key: other });
  const swept = await inThreeDays.send("POST", "/revalidate", {
    token: await inThreeDays.token("scheduler"),
    body: {},
  });
  expect(swept.status).toBe(200);
  answers.sweepAnswer.parse(swept.body);
  const { items } = (await now.send("GET", `/${due}/openai/history`, { key: dueKey })).body;
  expect(items[0].type).toBe("delete");
  expect((await now.send("GET", `/${org}/openai`, { key: other })).body.deactivation_scheduled_at).not.toBeNull();
});

test("a new setup, or null in PUT, cancels it", async () => {
  await remove(`?deactivation_scheduled_at=${inDays(2)}`);
  await now.send("PUT", `/${org}/openai`, { key, body: { deactivation_scheduled_at: null } });
  expect((await inThreeDays.send("GET", `/${org}/openai`, { key })).status).toBe(200);
  await remove(`?deactivation_scheduled_at=${inDays(2)}`);
  expect((await now.send("POST", `/${org}/openai/setup`, { key, body: { credential: openai.another } })).status).toBe(
    200,
  );
  expect((await decrypt(inThreeDays)).status).toBe(200);
});

test("after it is due, a setup begins anew with 201", async () => {
  await remove(`?deactivation_scheduled_at=${inDays(2)}`);
  const reply = await inThreeDays.send("POST", `/${org}/openai/setup`, {
    key,
    body: { credential: openai.another },
    headers: { "if-none-match": "*" },
  });
  expect(reply.status).toBe(201);
  expect((await decrypt(inThreeDays)).body.credential).toEqual({ api_key: openai.another });
});
