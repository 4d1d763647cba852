import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";

const root = join(import.meta.dirname, "../..");
const home = mkdtempSync(join(tmpdir(), "integrations-start-"));
let service: Service;

beforeAll(async () => {
  service = await startService({ env: { OPENAI_API_KEY: "sk-ambient-CANARY", OPENAI_BASE_URL: "http://127.0.0.1:9" } });
});
afterAll(async () => {
  await service.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs a command line to its end. */
function run(
  args: string[],
  env: Record<string, string>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      env: { PATH: process.env["PATH"] ?? "", INTEGRATIONS_HOME: join(home, "kept"), ...env },
    });
    const output = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk));
    child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk));
    child.once("close", (code) => resolve({ code, ...output }));
  });
}

describe("a start that cannot go well ends with 1 and says everything at once", () => {
  const wrong = {
    K_SERVICE: "integrations-setup",
    PORT: "99999",
    INTEGRATIONS_CLOCK_OFFSET_S: "CANARY",
    INTEGRATIONS_RATE_LIMIT: "-1",
    CORS_ORIGINS: "https://*.CANARY.example",
    INTEGRATIONS_ENDPOINT_OPENAI_API: "http://CANARY.example",
    KMS_API_ENDPOINT: "http://CANARY.example",
  };
  const named = [
    "INTEGRATIONS_BACKEND: local is refused where K_SERVICE is set",
    "PORT:",
    "INTEGRATIONS_CLOCK_OFFSET_S:",
    "INTEGRATIONS_RATE_LIMIT:",
    "CORS_ORIGINS:",
    "INTEGRATIONS_ENDPOINT_OPENAI_API:",
    "KMS_API_ENDPOINT:",
  ];
  const cli = "node_modules/@google-cloud/functions-framework/build/src/main.js";

  test.each([
    ["npm start's", ["functions/start.ts"]],
    ["the framework's", [cli, "--target=setup", "--source=functions/setup.ts"]],
  ])("on the platform with the local backend and more: %s", async (_, args) => {
    const { code, stdout, stderr } = await run(args, wrong);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    for (const text of named) expect(stderr).toContain(text);
    expect(stderr).not.toContain("CANARY");
    expect(stderr).not.toMatch(/^\s+at /m);
    expect(existsSync(join(home, "kept"))).toBe(false);
  });

  test("with a wrong port, a further registry that is not there and a wrong endpoint: all three", async () => {
    const { code, stdout, stderr } = await run(["functions/start.ts"], {
      PORT: "CANARY",
      INTEGRATIONS_EXTRA_PROVIDERS: "/CANARY.yml",
      INTEGRATIONS_ENDPOINT_NOSUCH_API: "http://127.0.0.1:9",
      INTEGRATIONS_ENDPOINT_OPENAI_API: "ftp://CANARY",
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    for (const text of ["PORT:", "INTEGRATIONS_EXTRA_PROVIDERS:", "NOSUCH_API", "OPENAI_API"])
      expect(stderr).toContain(text);
    expect(stderr).not.toContain("CANARY");
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("with a port that is taken", async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    const { code, stdout, stderr } = await run(["functions/start.ts"], { PORT: String(port) });
    taken.close();
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(`Port ${port} is taken: set PORT to another one`);
  });

  test.each([
    ["an endpoint that is none", { INTEGRATIONS_ENDPOINT_OPENAI_API: "CANARY" }, "OPENAI_API"],
    [
      "an endpoint of a provider that does not exist",
      { INTEGRATIONS_ENDPOINT_NOSUCH_API: "http://127.0.0.1:9" },
      "NOSUCH_API",
    ],
    [
      "a further registry that is not there",
      { INTEGRATIONS_EXTRA_PROVIDERS: "/CANARY.yml" },
      "INTEGRATIONS_EXTRA_PROVIDERS",
    ],
  ])("with %s", async (_, env, text) => {
    const { code, stdout, stderr } = await run(["functions/start.ts"], { PORT: "0", ...env });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(text);
    expect(stderr).not.toContain("CANARY");
  });
});

describe("a home that cannot be opened ends the start with 1 and one readable line", () => {
  const homes: Array<[string, (folder: string) => string, string]> = [
    [
      "a file in the place of the folder",
      (folder) => {
        writeFileSync(join(folder, "file"), "x");
        return join(folder, "file");
      },
      "",
    ],
    [
      "a file in the place of a folder above it",
      (folder) => {
        writeFileSync(join(folder, "file"), "x");
        return join(folder, "file", "home");
      },
      "",
    ],
    [
      "a store that is no database",
      (folder) => {
        writeFileSync(join(folder, "integrations.sqlite"), "no database\n".repeat(1_000), { mode: 0o600 });
        return folder;
      },
      "",
    ],
    [
      "a key ring that others can write",
      (folder) => {
        writeFileSync(join(folder, "keyring.json"), "{}", { mode: 0o600 });
        chmodSync(join(folder, "keyring.json"), 0o666);
        return folder;
      },
      "keyring.json is open to others",
    ],
    [
      "a key ring that is none",
      (folder) => {
        writeFileSync(join(folder, "keyring.json"), "nonsense", { mode: 0o600 });
        return folder;
      },
      "keyring.json",
    ],
    [
      "a folder that others can write",
      (folder) => {
        chmodSync(folder, 0o777);
        return folder;
      },
      "can be written by others",
    ],
  ];
  test.each(homes)("%s", async (_, make, text) => {
    const INTEGRATIONS_HOME = make(mkdtempSync(join(home, "broken-")));
    const { code, stdout, stderr } = await run(["functions/start.ts"], { PORT: "0", INTEGRATIONS_HOME });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr.trimEnd().split("\n")).toEqual([expect.stringContaining("INTEGRATIONS_HOME")]);
    expect(stderr).toContain(text);
    expect(stderr).not.toMatch(/\.ts:|^\s+at |\bundefined\b/m);
  });
});

test("a function whose home cannot be opened says so on stderr at the first request, answers internal, and shows nothing of it", async () => {
  const file = join(home, "not-a-folder");
  writeFileSync(file, "");
  const taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  await new Promise((resolve) => taken.close(resolve));
  const cli = "node_modules/@google-cloud/functions-framework/build/src/main.js";
  const env = { PATH: process.env["PATH"] ?? "", INTEGRATIONS_HOME: file, PORT: String(port), NODE_ENV: "production" };
  const child = spawn(process.execPath, [cli, "--target=list", "--source=functions/list.ts"], { cwd: root, env });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => (stderr += chunk));
  try {
    const origin = `http://127.0.0.1:${port}`;
    while (!(await fetch(`${origin}/health`).catch(() => null))?.ok) await new Promise((r) => setTimeout(r, 25));
    const reply = await fetch(`${origin}/acme`);
    const text = await reply.text();
    expect([reply.status, JSON.parse(text).code]).toEqual([500, "internal"]);
    expect(text).not.toContain(file);
    expect(JSON.parse(stderr.trim())).toMatchObject({ severity: "CRITICAL", message: "start_failed" });
  } finally {
    child.kill("SIGKILL");
  }
});

test("the ready line is exact and the only thing on stdout", async () => {
  await service.send("GET", "/acme");
  const { port } = new URL(service.origin);
  expect(service.output().stdout).toBe(`cloudact-integrations ready http://127.0.0.1:${port}/api/v1/integrations\n`);
});

test("only this machine can reach it", async () => {
  expect(service.origin).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
});

test("an operator's own key and address for a provider do not stand in for the customer's", async () => {
  const key = await service.orgKey("ambient");
  const reply = await service.send("POST", "/ambient/openai/setup", {
    key,
    body: { credential: exampleKeys("OPENAI").good },
  });
  expect(reply.status).toBe(201);
  for (const { headers } of service.simulators.requests) expect(JSON.stringify(headers)).not.toContain("CANARY");
});

test("SIGTERM lets a check that hangs end and be answered, closes idle connections, and ends with 0", async () => {
  const key = await service.orgKey("drain");
  service.simulators.latency("GROQ", 3_000);
  const slow = service.send("POST", "/drain/groq/setup", { key, body: { credential: exampleKeys("GROQ").good } });
  await expect
    .poll(() => service.simulators.requests.some(({ provider }) => provider === "GROQ"), { interval: 5 })
    .toBe(true);
  const startedAt = performance.now();
  const ended = service.stop("SIGTERM");
  const reply = await slow;
  expect(reply).toMatchObject({ status: 201, body: { success: true } });
  expect(await ended).toBe(0);
  expect(performance.now() - startedAt).toBeGreaterThan(2_500);
  expect(performance.now() - startedAt).toBeLessThan(5_000);
  expect(service.output().stderr).not.toMatch(/^\s+at /m);
});
