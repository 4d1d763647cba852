import { chmodSync, existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Check } from "../../shared/cli/doctor/check.ts";
import { node } from "../../shared/cli/doctor/machine.ts";
import { clockCheck } from "../../shared/cli/doctor/service.ts";
import { refusedEndpoint, type Simulators, startSimulators } from "../simulators/start.ts";
import { cli, startService, temporaryFolder } from "./run.ts";

const folder = temporaryFolder();
const home = join(folder.path, "home");
let simulators: Simulators;
let service: Awaited<ReturnType<typeof startService>>;
let env: Record<string, string>;

beforeAll(async () => {
  simulators = await startSimulators();
  env = { ...simulators.env, INTEGRATIONS_HOME: home };
  service = await startService(env);
  env["INTEGRATIONS_URL"] = service.url;
  env["INTEGRATIONS_API_KEY"] = (await cli(["org-key", "create", "acme", "--scope", "read"], env)).stdout.trim();
  env["INTEGRATIONS_TOKEN"] = (await cli(["token", "--subject", "p1"], env)).stdout.trim();
});
afterAll(async () => {
  await service?.stop();
  await simulators?.close();
  folder.remove();
});

async function checks(
  more: Record<string, string> = {},
): Promise<{ code: number | null; found: Check[]; text: string }> {
  const done = await cli(["doctor", "--json"], { ...env, ...more });
  return { code: done.code, found: JSON.parse(done.stdout).checks, text: done.stdout + done.stderr };
}

const stateOf = (found: Check[], name: string) => found.filter((one) => one.name === name).map(({ state }) => state);

describe("doctor", () => {
  test("finds everything well beside a running service", async () => {
    const { code, found } = await checks();
    expect(found.filter(({ state }) => state !== "ok")).toEqual([]);
    expect(code).toBe(0);
    expect(found.map(({ name }) => name)).toEqual([
      "node",
      "environment",
      "registry",
      "home",
      "store",
      "key",
      "pepper",
      "sweep",
      "INTEGRATIONS_API_KEY",
      "INTEGRATIONS_TOKEN",
      "service",
      "clock",
    ]);
    const message = (name: string) => found.find((one) => one.name === name)?.message;
    expect(message("registry")).toMatch(/^\d+ providers in .*providers\.yml, digest [0-9a-f]{12}$/);
    expect(message("INTEGRATIONS_API_KEY")).toMatch(/^key \w{12} of acme, scope read/);
    expect(message("INTEGRATIONS_TOKEN")).toBe("a token of p1");
  });

  test.each<[string, Record<string, string>, string, Check["state"], RegExp, number]>([
    [
      "variables that are wrong, all of them",
      { PORT: "x", INTEGRATIONS_RATE_LIMIT: "y" },
      "environment",
      "fail",
      /PORT|INTEGRATIONS_RATE_LIMIT/,
      1,
    ],
    ["a service that does not run", { INTEGRATIONS_URL: refusedEndpoint }, "service", "warn", /nothing answers/, 0],
    [
      "an address in the clear",
      { INTEGRATIONS_URL: "http://service.example/x" },
      "service",
      "fail",
      /must be https/,
      1,
    ],
    [
      "a key that was cut off",
      { INTEGRATIONS_API_KEY: "cact_local_canary" },
      "INTEGRATIONS_API_KEY",
      "warn",
      /is no key of this service/,
      0,
    ],
    [
      "a token that was cut off",
      { INTEGRATIONS_TOKEN: "eyJcanary.x.y" },
      "INTEGRATIONS_TOKEN",
      "warn",
      /is not accepted: malformed/,
      0,
    ],
    [
      "a clock that was moved",
      { INTEGRATIONS_CLOCK_OFFSET_S: "120" },
      "environment",
      "warn",
      /moves the clock by 120 s/,
      0,
    ],
    [
      "a registry file that is not there",
      { INTEGRATIONS_EXTRA_PROVIDERS: "/none.yml" },
      "registry",
      "fail",
      /is not there/,
      1,
    ],
  ])("names %s", async (_, more, name, state, message, code) => {
    const done = await checks(more);
    const told = done.found.find((one) => one.name === name && one.state === state);
    expect(told?.message).toMatch(message);
    expect(told?.remedy).toMatch(/\w/);
    expect(done.code).toBe(code);
    expect(done.text).not.toContain("canary");
  });

  test("tells all that is wrong with the environment at once", async () => {
    const { found } = await checks({ PORT: "x", INTEGRATIONS_RATE_LIMIT: "y" });
    expect(stateOf(found, "environment")).toEqual(["fail", "fail"]);
  });

  test("names an extra registry file that is wrong", async () => {
    const file = join(folder.path, "extra.yml");
    writeFileSync(file, "providers:\n  - code: lower\n");
    const { code, found } = await checks({ INTEGRATIONS_EXTRA_PROVIDERS: file });
    expect(found.find(({ name }) => name === "registry")).toMatchObject({
      state: "fail",
      remedy: expect.stringContaining("providers check"),
    });
    expect(code).toBe(1);
  });

  test("makes no home where none is", async () => {
    const none = join(folder.path, "none");
    const { code, found } = await checks({ INTEGRATIONS_HOME: none });
    expect(stateOf(found, "home")).toEqual(["warn"]);
    expect(code).toBe(0);
    expect(existsSync(none)).toBe(false);
  });

  test("names a file that others can read, and a key ring that is gone from beside its store", async () => {
    const audit = join(home, "audit.jsonl");
    chmodSync(audit, 0o644);
    const open = await checks();
    chmodSync(audit, 0o600);
    expect(open.found.find(({ name }) => name === "home")).toMatchObject({
      state: "fail",
      message: expect.stringContaining("audit.jsonl"),
      remedy: expect.stringContaining("chmod"),
    });
    expect(open.code).toBe(1);

    const ring = join(home, "keyring.json");
    renameSync(ring, `${ring}.kept`);
    writeFileSync(ring, "{}", { mode: 0o600 });
    const broken = await checks();
    rmSync(ring);
    renameSync(`${ring}.kept`, ring);
    expect(broken.found.find(({ name }) => name === "backend")).toMatchObject({
      state: "fail",
      message: expect.stringContaining("is not a key ring"),
    });
    expect(broken.code).toBe(1);
  });

  test("names what is not this service", async () => {
    const server = createServer((_, response) =>
      response.writeHead(200, { "content-type": "text/html" }).end("<html>"),
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    const { code, found } = await checks({
      INTEGRATIONS_URL: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    });
    server.close();
    expect(found.find(({ name }) => name === "service")).toMatchObject({
      state: "fail",
      message: expect.stringContaining("is not this service"),
    });
    expect(code).toBe(1);
  });

  test("is a table for people", async () => {
    const done = await cli(["doctor"], env);
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(done.stdout).toMatch(/^state +looked at +found\nok +node +24\./);
  });
});

test.each([
  ["20.20.2", "fail"],
  ["24.0.0", "ok"],
  ["26.1.0", "ok"],
])("Node %s is %s", (version, state) => {
  expect(node(version).state).toBe(state);
});

test.each([
  [0, "ok"],
  [900, "ok"],
  [-6_000, "ok"],
  [8_000, "warn"],
  [-30_000, "warn"],
  [62_500, "fail"],
  [-3_600_000, "fail"],
])("a clock that is %i ms ahead is %s", (ms, state) => {
  expect(clockCheck({ theirs: 1_000_000_000, ours: 1_000_000_000 + ms }).state).toBe(state);
});
