import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { CREDENTIAL_ID, type RequestExample, requestExamples } from "../../scripts/openapi/examples.ts";
import { schemaOf, shapes } from "../../scripts/openapi/shapes.ts";
import { type Route, routes } from "../../shared/contract/routes.ts";
import { backendName } from "../service/backend.ts";
import { type Reply, type Service, startService } from "../service/harness.ts";
import { google } from "../simulators/clouds/google.ts";

let service: Service;
let key: string;
let token: string;
let sweeper: string;
let org: string;
let count = 0;

beforeAll(async () => {
  service = await startService();
  sweeper = await service.token("scheduler");
  token = await service.token("pipeline");
  await service.grant(
    "pipeline",
    Array.from({ length: 100 }, (_, index) => `acme-${index}`),
  );
});
afterAll(() => service.close());
beforeEach(async () => {
  count += 1;
  org = `acme-${count}`;
  key = await service.orgKey(org);
});

const setup = (requestExamples.setup ?? {}) as Record<string, RequestExample>;
const sent = routes.flatMap((route) =>
  Object.entries(requestExamples[route.name] ?? {}).map(([name, example]) => ({ route, name, example })),
);
const unsent = routes.filter((route) => requestExamples[route.name] === undefined);

/** An answer as the document has it: the status, one of its schemas, the type. */
function expectDocumented({ name }: Route, reply: Reply, status: number): void {
  expect({ status: reply.status, body: reply.body }).toMatchObject({ status });
  const names = shapes[name].answers[status] ?? [];
  expect(reply.headers.get("content-type")).toBe("application/json");
  if (names === "openapi") return;
  const wrong = names.map((one) => schemaOf(one).safeParse(reply.body).error?.message);
  expect(wrong).toContain(undefined);
}

/** What no example can hold: a private key that is one, a role that trusts this very organisation, an id that is there. */
async function completed({ value, provider }: RequestExample): Promise<Record<string, unknown>> {
  if (provider === "gcp") return { ...value, credential: google.credential() };
  if (provider === "aws" && "credential" in value)
    return { ...value, credential: { role_arn: `arn:aws:iam::111122223333:role/for/${org}/CloudActCostReader` } };
  if (value["credential_id"] !== CREDENTIAL_ID) return value;
  return { ...value, credential_id: (await service.send("GET", `/${org}/openai`, { key })).body.credential_id };
}

function pathOf(route: Route, provider = "openai", query = ""): string {
  return `${route.path.replace("{org}", org).replace("{provider}", provider)}${query && `?${query}`}`;
}

function callerOf({ caller }: Route): { key?: string; token?: string } {
  if (caller === "pipeline") return { token };
  return caller === "scheduler" ? { token: sweeper } : caller === "anyone" ? {} : { key };
}

async function configure(provider: string): Promise<void> {
  const example = Object.values(setup).find((one) => (one.provider ?? "openai") === provider);
  if (!example) throw new Error(`no example sets up ${provider}`);
  const reply = await service.send("POST", `/${org}/${provider}/setup`, { key, body: await completed(example) });
  expect(reply).toMatchObject({ status: 201 });
}

describe("every example of a request is answered as the document says:", () => {
  test.each(sent)("$route.method $route.path, $name", async ({ route, example }) => {
    const { provider = "openai", query, status } = example;
    if (route.name !== "setup" && route.name !== "import" && route.name !== "revalidate") await configure(provider);
    const body = await completed(example);
    const reply = await service.send(route.method, pathOf(route, provider, query), { ...callerOf(route), body });
    expectDocumented(route, reply, status);
  });

  test.each(unsent.map((route) => ({ route })))("$route.method $route.path", async ({ route }) => {
    if (route.path.includes("{provider}")) await configure("openai");
    expectDocumented(route, await service.send(route.method, pathOf(route), callerOf(route)), 200);
  });

  test("a deletion at a time", async () => {
    await configure("openai");
    const [route] = routes.filter(({ name }) => name === "delete");
    if (!route) throw new Error("there is no delete");
    const query = `deactivation_scheduled_at=${new Date(Date.now() + 86_400_000).toISOString()}`;
    expectDocumented(route, await service.send("DELETE", pathOf(route, "openai", query), { key }), 202);
  });
});

test.skipIf(backendName === "gcp")(
  "it is served as it is committed, and a process says that it is healthy",
  async () => {
    const committed = JSON.parse(readFileSync(join(import.meta.dirname, "../../configs/openapi.json"), "utf8"));
    expect((await service.send("GET", "/openapi.json")).body).toEqual(committed);
    expect((await service.send("GET", `${service.origin}/health`)).body).toEqual({ status: "ok" });
  },
);
