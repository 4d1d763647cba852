import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Target, targets } from "../../scripts/build/targets.ts";
import { mintOrgKey } from "../../shared/vault/org-key.ts";
import { expectProblem } from "../http/problem.ts";
import { type Reply, send } from "../service/harness.ts";
import { environmentOf, onCloudRun, own } from "./environment.ts";
import { listing } from "./folders.ts";
import { type Prepared, prepareArtifacts, runBuildScript } from "./prepared.ts";
import { type Running, spawnArtifact, startArtifact } from "./start-artifact.ts";

/*
 * Each artifact as Cloud Run starts it: in its own folder, where it may write nothing, with its own environment alone and
 * with Google's real addresses, none of which it may reach here.
 */

const PREFIX = "/api/v1/integrations";
const CANARY = "cact_live_CANARYcanary_0123456789";

interface Door {
  method: string;
  path: string;
  /** Another method at the same path, and what is answered to it. */
  wrong: { method: string; allow: string };
  /** What it is called without: `X-API-Key` or a token; nothing where the platform alone is the gate. */
  refused: "org_key_invalid" | "caller_invalid" | null;
  takesBody: boolean;
}

const doors: Readonly<Record<Target, Door>> = {
  setup: door("POST", "/acme/openai/setup", "GET", "org_key_invalid"),
  validate: door("POST", "/acme/openai/validate", "GET", "org_key_invalid"),
  list: { ...door("GET", "/acme", "PUT", "org_key_invalid"), takesBody: false },
  get: { ...door("GET", "/acme/openai", "POST", "org_key_invalid"), takesBody: false },
  update: door("PUT", "/acme/openai", "DELETE", "org_key_invalid"),
  delete: { ...door("DELETE", "/acme/openai", "GET", "org_key_invalid"), takesBody: false },
  decrypt: door("POST", "/acme/openai/decrypt", "GET", "caller_invalid"),
  revalidate: door("POST", "/revalidate", "GET", null),
  gateway: door("POST", `${PREFIX}/acme/openai/setup`, "PUT", "org_key_invalid"),
};

function door(method: string, path: string, wrong: string, refused: Door["refused"]): Door {
  return {
    method,
    path,
    wrong: { method: wrong, allow: method.replace("GET", "GET, HEAD") },
    refused,
    takesBody: true,
  };
}

/** Names that are for one machine or for tests, with values that would do. */
const switches: Readonly<Record<string, string>> = {
  INTEGRATIONS_EXTRA_PROVIDERS: "/nonexistent.yml",
  INTEGRATIONS_CLOCK_OFFSET_S: "60",
  INTEGRATIONS_RATE_LIMIT: "0",
  INTEGRATIONS_ENDPOINT_OPENAI_API: "http://127.0.0.1:9/v1",
  KMS_API_ENDPOINT: "http://127.0.0.1:9",
  BIGQUERY_API_ENDPOINT: "http://127.0.0.1:9",
  SECRET_MANAGER_API_ENDPOINT: "http://127.0.0.1:9",
  IAM_CREDENTIALS_API_ENDPOINT: "http://127.0.0.1:9",
  OIDC_JWKS_URL: "http://127.0.0.1:9/certs",
  GCE_METADATA_HOST: "127.0.0.1:9",
  GCE_METADATA_IP: "127.0.0.1:9",
};

let prepared: Prepared;

beforeAll(async () => {
  prepared = await prepareArtifacts();
}, 240_000);
afterAll(() => prepared.close());

describe.each(targets)("the artifact of %s", (target) => {
  let running: Running;
  let before: string[];
  const { method, path, wrong, refused, takesBody } = doors[target];
  const ask = (verb: string, where: string, options: Parameters<typeof send>[2] = {}): Promise<Reply> =>
    send(`${running.origin}${where}`, verb, options);

  beforeAll(async () => {
    before = listing(prepared.folderOf(target));
    running = await startArtifact(target, { ...onCloudRun(target), OPENAI_API_KEY: `sk-${CANARY}` });
  });
  afterAll(async () => {
    await running.stop("SIGKILL");
  });

  test("is healthy", async () => {
    expect(await ask("GET", "/health")).toMatchObject({ status: 200, body: { status: "ok" } });
  });

  test("refuses another method and says which it takes", async () => {
    const reply = await ask(wrong.method, path);
    expectProblem(reply, 405, "method_not_allowed");
    expect(reply.headers.get("allow")).toBe(wrong.allow);
  });

  test("refuses a path that it does not have", async () => {
    expectProblem(await ask("GET", `/acme/openai/${CANARY}/nowhere`), 404, "route_unknown");
  });

  test.runIf(refused !== null)("refuses who shows nothing, and who shows what cannot be a key", async () => {
    for (const headers of [{}, { "x-api-key": CANARY, authorization: `Bearer ${CANARY}` }]) {
      const reply = await ask(method, path, { headers, ...(takesBody ? { body: { credential: CANARY } } : {}) });
      expectProblem(reply, 401, refused ?? "");
    }
  });

  test.runIf(takesBody)("refuses a body of another type", async () => {
    const reply = await ask(method, path, {
      headers: { "content-type": "text/plain" },
      raw: `{"credential":"${CANARY}"`,
    });
    expectProblem(reply, 415, "media_type");
  });

  test.runIf(takesBody)("refuses a body that is no JSON, and prints nothing of it", async () => {
    expectProblem(await ask(method, path, { raw: `{"credential":"${CANARY}"` }), 400, "request_malformed");
  });

  test("has reached nobody, printed nothing but structured lines without what it was shown, and written nothing", () => {
    const { stdout, stderr } = running.output();
    expect(running.outgoing()).toEqual([]);
    for (const line of `${stdout}${stderr}`.split("\n").filter(Boolean)) expect(() => JSON.parse(line)).not.toThrow();
    expect(`${stdout}${stderr}`).toContain('"request"');
    expect(`${stdout}${stderr}`).not.toContain("CANARY");
    expect(before.filter((line) => !/ (?:444|555)$/.test(line))).toEqual([]);
    expect(listing(prepared.folderOf(target))).toEqual(before);
  });

  test("ends with 0 when it is told to", async () => {
    expect(await running.stop("SIGTERM")).toBe(0);
  });

  test("does not start with a setting of tests or of one machine, and names every one", async () => {
    const { code, stderr } = await ended(target, { ...onCloudRun(target), ...switches });
    expect(code).toBe(1);
    for (const name of Object.keys(switches))
      expect(stderr).toContain(`${name}: is for local running and tests only; remove it`);
    expect(stderr).not.toContain("127.0.0.1");
  });

  test("does not start without what it needs, and asks for nothing else", async () => {
    const { K_SERVICE = "" } = onCloudRun(target);
    const { code, stderr } = await ended(target, { K_SERVICE, INTEGRATIONS_BACKEND: "gcp" });
    expect(code).toBe(1);
    const named = [...stderr.matchAll(/^ {2}([A-Z_]+): is missing/gm)].map(([, name]) => name ?? "");
    const { INTEGRATIONS_BACKEND: _, ...needed } = environmentOf(target);
    expect(named.sort()).toEqual(Object.keys(needed).sort());
    expect(Object.keys(needed)).toEqual(expect.arrayContaining(Object.keys(own[target])));
  });

  test("does not start with the local backend, on the platform or off it", async () => {
    const env = { ...onCloudRun(target), INTEGRATIONS_BACKEND: "local" };
    const onPlatform = await ended(target, env);
    expect(onPlatform).toMatchObject({
      code: 1,
      stderr: expect.stringContaining("INTEGRATIONS_BACKEND: local is refused"),
    });
    const { K_SERVICE: _, ...elsewhere }: Record<string, string> = env;
    for (const given of [elsewhere, { ...elsewhere, INTEGRATIONS_BACKEND: "" }]) {
      const { code, stderr } = await ended(target, given);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr:
          "The environment is not usable:\n  INTEGRATIONS_BACKEND: must be gcp; this artifact holds no other backend\n",
      });
    }
  });
});

describe("one setting of tests or of one machine is enough to stop the start:", () => {
  test.each(Object.entries(switches))("%s", async (name, value) => {
    const { code, stderr } = await ended("list", { ...onCloudRun("list"), [name]: value });
    expect(code).toBe(1);
    expect(stderr).toContain(`${name}: is for local running and tests only; remove it`);
  });
});

test("a registry of one's own is refused, since the artifact's is compiled in", async () => {
  const { code, stderr } = await ended("list", {
    ...environmentOf("list"),
    INTEGRATIONS_EXTRA_PROVIDERS: "/CANARY.yml",
  });
  expect(code).toBe(1);
  expect(stderr).toContain("INTEGRATIONS_EXTRA_PROVIDERS: must be left out");
  expect(stderr).not.toContain("CANARY");
});

test("a caller with a well-formed key is asked about at Google's own addresses, which the tests would have seen", async () => {
  const running = await startArtifact("list", onCloudRun("list"));
  await send(`${running.origin}/acme`, "GET", { key: mintOrgKey("live").key.reveal() });
  expect(running.outgoing()[0]).toMatch(/^169\.254\.169\.254$|metadata|googleapis\.com$/);
  await running.stop("SIGKILL");
}, 60_000);

describe("the build script", () => {
  test.each(targets)("of %s has kept compiled code", (target) => {
    expect(prepared.printedBy(target)).toMatch(/^\S+\.cache: \d+ kB of compiled code$/m);
  });

  test("reaches nobody, whatever stands in its environment", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "integrations-build-")), "list");
    cpSync(prepared.artifactOf("list").folder, folder, { recursive: true });
    symlinkSync(join(prepared.folderOf("list"), "node_modules"), join(folder, "node_modules"));
    const env = {
      NODE_OPTIONS: `--require=${join(import.meta.dirname, "recorder.cjs")}`,
      INTEGRATIONS_BACKEND: "local",
      GCE_METADATA_HOST: "127.0.0.1:9",
    };
    const { stdout, stderr } = await runBuildScript(folder, env);
    expect(stdout).toMatch(/kB of compiled code$/m);
    expect(stderr).not.toContain("outgoing");
    rmSync(join(folder, ".."), { recursive: true });
  });

  test("fails where the artifact starts and is not well", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "integrations-build-")), "list");
    cpSync(prepared.artifactOf("list").folder, folder, { recursive: true });
    symlinkSync(join(prepared.folderOf("list"), "node_modules"), join(folder, "node_modules"));
    writeFileSync(
      join(folder, "functions/list.bundle.js"),
      `(function (require) { require("@google-cloud/functions-framework").http("list", (_, response) => response.status(500).end()); })`,
    );
    await expect(runBuildScript(folder)).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/\/health answered 500 instead of 200/),
    });
    rmSync(join(folder, ".."), { recursive: true });
  });

  test("fails where the artifact does not start", async () => {
    const folder = join(mkdtempSync(join(tmpdir(), "integrations-build-")), "list");
    cpSync(prepared.artifactOf("list").folder, folder, { recursive: true });
    symlinkSync(join(prepared.folderOf("list"), "node_modules"), join(folder, "node_modules"));
    rmSync(join(folder, "configs/system/registry.json"));
    await expect(runBuildScript(folder)).rejects.toThrow();
    rmSync(join(folder, ".."), { recursive: true });
  });
});

test("on a read-only disk the framework's compiled code is taken too", async () => {
  const before = listing(prepared.folderOf("list"));
  const NODE_COMPILE_CACHE = join(prepared.folderOf("list"), ".compile-cache");
  const running = await startArtifact("list", { ...onCloudRun("list"), NODE_COMPILE_CACHE });
  expect(await running.stop("SIGTERM")).toBe(0);
  expect(listing(prepared.folderOf("list"))).toEqual(before);
});

/** Runs an artifact that must not start to its end. */
async function ended(target: Target, env: Record<string, string>): Promise<{ code: number | null; stderr: string }> {
  const { child, output } = await spawnArtifact(target, env);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stderr: output().stderr };
}
