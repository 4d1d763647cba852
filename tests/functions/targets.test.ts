import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expectProblem } from "../http/problem.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";

const PREFIX = "/api/v1/integrations";
const targets = ["setup", "validate", "list", "get", "update", "delete", "decrypt", "revalidate"] as const;
type Target = (typeof targets)[number];

/** Which function answers what, written by hand; `open` routes answer 200 to anybody, the others 401. */
const owned: Array<{ method: string; path: string; target: Target; open?: true }> = [
  { method: "POST", path: "/acme/openai/setup", target: "setup" },
  { method: "POST", path: "/acme/import", target: "setup" },
  { method: "POST", path: "/acme/openai/validate", target: "validate" },
  { method: "GET", path: "/acme", target: "list" },
  { method: "GET", path: "/providers", target: "list", open: true },
  { method: "GET", path: "/openapi.json", target: "list", open: true },
  { method: "GET", path: "/acme/openai", target: "get" },
  { method: "GET", path: "/acme/openai/status", target: "get" },
  { method: "GET", path: "/acme/openai/history", target: "get" },
  { method: "GET", path: "/acme/openai/instructions", target: "get" },
  { method: "PUT", path: "/acme/openai", target: "update" },
  { method: "POST", path: "/acme/openai/rotate", target: "update" },
  { method: "DELETE", path: "/acme/openai", target: "delete" },
  { method: "POST", path: "/acme/openai/decrypt", target: "decrypt" },
  { method: "POST", path: "/acme/openai/failures", target: "decrypt" },
  { method: "POST", path: "/revalidate", target: "revalidate" },
];

let simulators: Simulators;
const services = new Map<Target | "gateway", Service>();
const service = (name: Target | "gateway"): Service => {
  const found = services.get(name);
  if (!found) throw new Error(`${name} was not started`);
  return found;
};

beforeAll(async () => {
  simulators = await startSimulators();
  const first = await startService({ simulators, inOneProcess: true });
  services.set("gateway", first);
  await Promise.all(
    targets.map(async (target) => services.set(target, await startService({ simulators, home: first.home, target }))),
  );
}, 60_000);
afterAll(async () => {
  for (const target of targets) await service(target).close();
  await service("gateway").close();
  await simulators.close();
});

const ask = (name: Target | "gateway", method: string, path: string) => {
  const { origin, send } = service(name);
  return send(method, `${origin}${path}`, method === "POST" || method === "PUT" ? { body: {} } : {});
};

describe.each(targets)("the function %s", (target) => {
  test.each(owned)("$method $path", async ({ method, path, target: owner, open }) => {
    for (const whole of [path, `${PREFIX}${path}`]) {
      const reply = await ask(target, method, whole);
      if (owner === target) {
        expect(reply.status).toBe(open ? 200 : 401);
        continue;
      }
      // The path may still be one of its own, for another method.
      // Where nothing else is called /import, the word can only be a provider's.
      const like = path === "/acme/import" ? "/acme/openai" : path;
      const own = owned.filter((one) => one.target === target && one.path === like).map((one) => one.method);
      expectProblem(reply, own.length > 0 ? 405 : 404, own.length > 0 ? "method_not_allowed" : "route_unknown");
      expect(reply.headers.get("allow")).toBe(own.length > 0 ? own.join(", ").replace("GET", "GET, HEAD") : null);
    }
  });

  test("is healthy, and has no console", async () => {
    expect(await ask(target, "GET", "/health")).toMatchObject({ status: 200, body: { status: "ok" } });
    expect((await ask(target, "GET", "/console")).status).not.toBe(200);
  });

  test("prints nothing but structured lines", () => {
    const { stdout, stderr } = service(target).output();
    for (const line of `${stdout}${stderr}`.split("\n").filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow();
  });
});

describe("the gateway", () => {
  test.each(owned)("$method $path answers under the full prefix only", async ({ method, path, open }) => {
    expect((await ask("gateway", method, `${PREFIX}${path}`)).status).toBe(open ? 200 : 401);
    expectProblem(await ask("gateway", method, path), 404, "route_unknown");
  });
});

test("the public face of the registry has its second path at the gateway and at the function that lists", async () => {
  for (const name of ["gateway", "list"] as const) {
    expect((await ask(name, "GET", "/api/v1/providers")).body.providers.length).toBeGreaterThan(10);
    expect((await ask(name, "HEAD", "/api/v1/providers?")).status).toBe(200);
    expectProblem(await ask(name, "POST", "/api/v1/providers"), 405, "method_not_allowed");
    expectProblem(await ask(name, "GET", "/api/v1/providers/"), 404, "route_unknown");
  }
  expectProblem(await ask("get", "GET", "/api/v1/providers"), 404, "route_unknown");
});

test("eight functions on one home are one service", async () => {
  const key = await service("gateway").orgKey("acme");
  await service("gateway").grant("pipeline", ["acme"]);
  const token = await service("gateway").token("pipeline");
  const { admin, good } = exampleKeys("OPENAI");
  const call = (name: Target, method: string, path: string, options: object) =>
    service(name).send(method, `${service(name).origin}${path}`, options);
  expect((await call("setup", "POST", "/acme/openai/setup", { key, body: { credential: admin } })).status).toBe(201);
  expect((await call("list", "GET", "/acme", { key })).body.providers_configured).toEqual(["OPENAI"]);
  expect((await call("get", "GET", "/acme/openai", { key })).body.status).toBe("VALID");
  expect((await call("validate", "POST", "/acme/openai/validate", { key })).body.success).toBe(true);
  expect(
    (
      await call("decrypt", "POST", "/acme/openai/decrypt", {
        token,
        body: { pipeline: "genai.payg_usage", run_id: "r" },
      })
    ).body.credential.api_key,
  ).toBe(admin);
  expect((await call("update", "POST", "/acme/openai/rotate", { key, body: { new_credentials: good } })).status).toBe(
    200,
  );
  expect(
    (await call("revalidate", "POST", "/revalidate", { token: await service("gateway").token("scheduler") })).status,
  ).toBe(200);
  expect((await call("delete", "DELETE", "/acme/openai", { key })).status).toBe(200);
  expect((await call("get", "GET", "/acme/openai", { key })).status).toBe(404);
});

test("a function that is told to end lets what is in flight end first", async () => {
  const key = await service("gateway").orgKey("drain");
  simulators.latency("GROQ", 600);
  const { send, origin, stop } = service("setup");
  const slow = send("POST", `${origin}/drain/groq/setup`, { key, body: { credential: exampleKeys("GROQ").good } });
  await expect.poll(() => simulators.requests.some(({ provider }) => provider === "GROQ"), { interval: 5 }).toBe(true);
  const ended = stop("SIGTERM");
  expect((await slow).status).toBe(201);
  expect(await ended).toBe(0);
  await expect(fetch(`${origin}/health`)).rejects.toThrow();
});
