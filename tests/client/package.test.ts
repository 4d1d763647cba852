import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { runInNewContext } from "node:vm";
import { transform } from "esbuild";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../../scripts/build/targets.ts";
import { type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { openUserFolder, type UserFolder } from "./user-folder.ts";

const run = promisify(execFile);
const admin = exampleKeys("OPENAI").admin ?? "";
let service: Service;
let user: UserFolder;
let key: string;
let token: string;

beforeAll(async () => {
  [service, user] = await Promise.all([startService(), openUserFolder()]);
  key = await service.orgKey("acme");
  await service.grant("pipeline", ["acme"]);
  token = await service.token("pipeline");
});
afterAll(async () => {
  user.close();
  await service.close();
});

/** Every Node of this machine, the oldest that the package promises to run on among them where there is one. */
const nodes = [process.execPath, ...(process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "node"))];
const found = new Map<string, string>();
for (const node of nodes.filter((path) => existsSync(path))) {
  const version = (await run(node, ["--version"])).stdout.trim();
  if (!found.has(version)) found.set(version, node);
}

const SCRIPT = `
import { createClient, IntegrationError } from "@cloudact/integrations/client";
const { BASE, KEY, TOKEN, CREDENTIAL } = process.env;
const client = createClient({ baseUrl: BASE, apiKey: KEY, identityToken: TOKEN });
const told = {};
told.setup = await client.setupIntegration({ orgSlug: "acme", provider: "openai", credential: CREDENTIAL });
told.list = (await client.getIntegrations("acme")).providers_configured;
const run = { orgSlug: "acme", pipeline: "genai.payg_usage", runId: "run-1" };
told.same = (await client.decryptCredential({ ...run, provider: "openai" })).credential.api_key === CREDENTIAL;
told.missing = await client.decryptCredential({ ...run, provider: "groq" }).catch((error) => ({
  own: error instanceof IntegrationError,
  code: error.code,
}));
told.aborted = await client
  .getIntegrations("acme", { signal: AbortSignal.abort(new Error("left")) })
  .catch((error) => error.message);
console.log(JSON.stringify(told));
`;

test.each([...found])("Node %s runs it as it is installed", async (_, node) => {
  const file = user.write("use.js", SCRIPT);
  const env = { BASE: service.base, KEY: key, TOKEN: token, CREDENTIAL: admin };
  const { stdout, stderr } = await run(node, [file], { cwd: user.path, env });
  expect(stderr).toBe("");
  expect(JSON.parse(stdout)).toMatchObject({
    setup: { success: true, provider: "OPENAI" },
    list: ["OPENAI"],
    same: true,
    missing: { own: true, code: "not_configured" },
    aborted: "left",
  });
});

describe("the package", () => {
  test("has no dependency, and nothing in it imports anything", () => {
    const manifest = JSON.parse(readFileSync(join(user.built.folder, "package.json"), "utf8"));
    expect(manifest).toMatchObject({ name: "@cloudact/integrations", type: "module", engines: { node: ">=18" } });
    expect(Object.keys(manifest).filter((name) => /dependencies|scripts/i.test(name))).toEqual([]);
    const module = readFileSync(join(user.built.folder, "client.js"), "utf8");
    expect(module).not.toMatch(/^\s*import\b|\bimport\(|\brequire\(|node:/m);
    expect(readdirSync(user.built.folder).sort()).toEqual(["client.js", "package.json", "types"]);
  });

  test("is at most five kilobytes on the wire", () => {
    expect(user.built.compressedBytes).toBeLessThanOrEqual(5 * 1024);
  });

  test("does with what every browser has", async () => {
    const module = readFileSync(join(user.built.folder, "client.js"), "utf8");
    const { code } = await transform(module, { format: "iife", globalName: "built" });
    const net = { fetch, AbortController, AbortSignal, TextDecoder, URL, URLSearchParams };
    const web = { ...net, setTimeout, clearTimeout, crypto };
    const { createClient } = runInNewContext(`${code};built`, web);
    const client = createClient({ baseUrl: service.base, apiKey: key });
    expect(await client.getProviders()).toMatchObject({ success: true });
    expect(await client.validateIntegration("acme", "groq")).toMatchObject({ code: "not_configured" });
  });
});

describe("its types", () => {
  const compile = async (text: string, resolution: "bundler" | "nodenext") => {
    const file = user.write("types.ts", text);
    const module = resolution === "bundler" ? "esnext" : "nodenext";
    const sent = ["--ignoreConfig", "--noEmit", "--strict", "--exactOptionalPropertyTypes", "--target", "es2022"];
    const where = ["--module", module, "--moduleResolution", resolution, "--lib", "es2022,dom", "--types", ""];
    return await run(join(root, "node_modules/.bin/tsc"), [...sent, ...where, file], { cwd: user.path }).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    );
  };
  const USE = `import { createClient, type IntegrationSummary, type SetupResult } from "@cloudact/integrations/client";
    const client = createClient({ apiKey: async (org: string) => org });
    const result: SetupResult = await client.setupIntegration({ orgSlug: "a", provider: "openai", credential: "x" });
    const shown: string = result.success ? result.validationStatus : result.error;
    const code: "credential_rejected" | "no_answer" | undefined =
      !result.success && (result.code === "credential_rejected" || result.code === "no_answer") ? result.code : undefined;
    const list = await client.getIntegrations("a");
    const one: IntegrationSummary | undefined = list.success ? list.integrations["OPENAI"] : undefined;
    export const all = [shown, code, one?.status];
    export {};`;

  test.each(["bundler", "nodenext"] as const)("stand by themselves under %s, checked to the last file", async (one) => {
    expect(await compile(USE, one)).toBe("");
  });

  test("refuse what the service would refuse", async () => {
    const wrong = `import { createClient } from "@cloudact/integrations/client";
      const client = createClient();
      client.setupIntegration({ provider: "openai" });
      client.decryptCredential({ orgSlug: "a", provider: "b", pipeline: "c" });
      client.getIntegrations("a", { category: "other" });`;
    expect((await compile(wrong, "nodenext")).match(/types\.ts\(\d+/g)).toEqual([
      "types.ts(3",
      "types.ts(4",
      "types.ts(5",
    ]);
  });
});

describe("the examples", () => {
  test("the pipeline step reads the credential and uses it, in a dozen lines", async () => {
    await service.send("POST", "/acme/openai/setup", { key, body: { credential: admin } });
    const text = readFileSync(join(root, "examples/pipeline.ts"), "utf8");
    expect(text.trim().split("\n").length).toBeLessThanOrEqual(12);
    const env = {
      INTEGRATIONS_URL: service.base,
      INTEGRATIONS_TOKEN: token,
      OPENAI_BASE_URL: service.simulators.endpoints["OPENAI_API"],
    };
    const sent = [join(user.path, "examples/pipeline.ts"), "acme", "openai", "run-1"];
    const { stdout } = await run(process.execPath, sent, { env });
    expect(stdout).toMatch(/^openai answered 200: .*"organization\.costs\.result"/);
    service.simulators.revoke(admin);
    expect((await run(process.execPath, sent, { env })).stdout).toMatch(/^openai answered 401/);
    const [reported] = (await service.audit("failures")).filter(({ operation }) => operation === "failures");
    expect(reported).toMatchObject({ provider: "OPENAI", run_id: "run-1", outcome: "ok" });
    service.simulators.reset();
  });

  test("the server actions set up, list, validate and delete, and take nothing that they do not name", async () => {
    const text = `import * as actions from "./examples/server-action.ts";
      const { CREDENTIAL } = process.env;
      const told = [];
      const wanted = { orgSlug: "acme", provider: "openai", credential: CREDENTIAL, credentialName: "openai API Key" };
      told.push(await actions.setupIntegration({ ...wanted, skipValidation: true }));
      told.push(await actions.setupIntegration({ ...wanted, credential: "nonsense" }));
      told.push((await actions.getIntegrations("acme")).integrations.OPENAI);
      told.push(await actions.validateIntegration("acme", "openai"));
      told.push(await actions.getIntegrationStatus("acme", "openai"));
      told.push(await actions.deleteIntegration("acme", "openai"));
      told.push(await actions.getIntegrations("globex"));
      console.log(JSON.stringify(told));`;
    const env = { INTEGRATIONS_URL: service.base, ORG_SLUG: "acme", ORG_API_KEY: key, CREDENTIAL: admin };
    const { stdout } = await run(process.execPath, [user.write("page.ts", text)], { cwd: user.path, env });
    expect(JSON.parse(stdout)).toMatchObject([
      { success: true, validationStatus: "VALID" },
      { success: false, error: "Invalid API key format for OpenAI" },
      { status: "VALID", credential_name: "openai API Key", last_validated_at: expect.any(String) },
      { success: true, validationStatus: "VALID" },
      { success: true, integration: { status: "VALID" } },
      { success: true, message: "Integration deleted successfully" },
      { success: false, error: "Organization API key not found" },
    ]);
  });
});
