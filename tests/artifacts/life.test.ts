import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { assemble, type Parts, readPlan } from "../../functions/parts.ts";
import { type FunctionName, routes } from "../../shared/contract/routes.ts";
import { hashOrgKey, mintOrgKey } from "../../shared/vault/org-key.ts";
import { type Platform, startPlatform } from "../platform/start.ts";
import { type Reply, send } from "../service/harness.ts";
import { exampleKeys, type Simulators, startSimulators } from "../simulators/start.ts";
import { type Prepared, prepareArtifacts } from "./prepared.ts";
import { type Running, startArtifact } from "./start-artifact.ts";

/*
 * The eight artifacts as one service on the simulators of Google Cloud, each as its own service account and held to what
 * configs/functions.yml gives it.
 */

const names = [...new Set(routes.map(({ fn }) => fn))];
const PIPELINE = "117263548901234567890";
const openai = exampleKeys("OPENAI");

let prepared: Prepared;
let platform: Platform;
let simulators: Simulators;
let operator: Parts;
let key: string;
let token: string;
const running = new Map<FunctionName, Running>();

beforeAll(async () => {
  [prepared, platform, simulators] = await Promise.all([
    prepareArtifacts(),
    startPlatform({ enforce: true }),
    startSimulators(),
  ]);
  const env = platform.env("operator");
  // This process opens the same store as the operator, and Google's clients look for their identity here.
  Object.assign(process.env, {
    GCE_METADATA_HOST: env["GCE_METADATA_HOST"],
    METADATA_SERVER_DETECTION: "assume-present",
  });
  operator = await assemble(readPlan(null, { ...env, ...simulators.env }));
  key = await admit();
  token = await platform.issue(PIPELINE);
  await Promise.all(
    names.map(async (name) =>
      running.set(
        name,
        await startArtifact(name, { ...platform.env(name), ...simulators.env, INTEGRATIONS_RATE_LIMIT: "0" }),
      ),
    ),
  );
}, 300_000);
afterAll(async () => {
  for (const one of running.values()) await one.stop("SIGKILL");
  operator.store.close();
  await Promise.all([platform.close(), simulators.close()]);
  prepared.close();
});

/** An organisation's key and a pipeline's grant, as an operator makes them. @returns the key */
async function admit(): Promise<string> {
  const minted = mintOrgKey("test");
  const [pepper] = await operator.secrets.peppers();
  const created_at = new Date().toISOString();
  const made = { created_at, created_by: "test", revoked_at: null, revoked_by: null };
  await operator.orgKeys.addKey({
    key_id: minted.keyId,
    org_slug: "acme",
    environment: "test",
    scope: "manage",
    name: null,
    key_hmac: hashOrgKey(pepper.bytes, minted.key.reveal()),
    pepper_version: pepper.version,
    legacy: false,
    expires_at: null,
    ...made,
  });
  const expires_at = new Date(Date.now() + 3_600_000).toISOString();
  const grant = { grant_id: "life", subject: PIPELINE, org_slugs: ["acme"], providers: ["*"], expires_at, ...made };
  await operator.grants.addGrant(grant);
  return minted.key.reveal();
}

const call = (
  name: FunctionName,
  method: string,
  path: string,
  options: Parameters<typeof send>[2] = {},
): Promise<Reply> => send(`${running.get(name)?.origin}${path}`, method, { key, ...options });
const run = { pipeline: "genai.payg_usage", run_id: "life" };

describe("a credential's life, each step in an artifact of its own", () => {
  const steps: Array<[string, () => Promise<Reply>, number, object]> = [
    [
      "setup",
      () => call("setup", "POST", "/acme/openai/setup", { body: { credential: openai.admin } }),
      201,
      { success: true },
    ],
    ["list", () => call("list", "GET", "/acme"), 200, { providers_configured: ["OPENAI"] }],
    ["get", () => call("get", "GET", "/acme/openai"), 200, { status: "VALID" }],
    ["validate", () => call("validate", "POST", "/acme/openai/validate"), 200, { success: true }],
    [
      "update",
      () => call("update", "PUT", "/acme/openai", { body: { credential_name: "Renamed" } }),
      200,
      { success: true },
    ],
    [
      "rotate",
      () => call("update", "POST", "/acme/openai/rotate", { body: { new_credentials: openai.another } }),
      200,
      {},
    ],
    [
      "import",
      () =>
        call("setup", "POST", "/acme/import", {
          body: { items: [{ provider: "groq", credential: exampleKeys("GROQ").good }] },
        }),
      200,
      {},
    ],
    [
      "decrypt",
      () => call("decrypt", "POST", "/acme/openai/decrypt", { token, body: run }),
      200,
      { credential: { api_key: openai.another } },
    ],
    ["failures", () => failures(), 202, { success: true }],
    [
      "revalidate",
      async () => call("revalidate", "POST", "/revalidate", { token: await platform.issue("scheduler") }),
      200,
      {},
    ],
    ["delete", () => call("delete", "DELETE", "/acme/openai"), 200, { success: true }],
    ["get, deleted", () => call("get", "GET", "/acme/openai"), 404, {}],
    ["history", () => call("get", "GET", "/acme/openai/history"), 200, {}],
    [
      "revalidate, which purges",
      async () => call("revalidate", "POST", "/revalidate", { token: await platform.issue("scheduler") }),
      200,
      {},
    ],
  ];

  async function failures(): Promise<Reply> {
    const { body } = await call("get", "GET", "/acme/openai");
    return await call("decrypt", "POST", "/acme/openai/failures", {
      token,
      body: { ...run, credential_id: body.credential_id, http_status: 401 },
    });
  }

  test.each(steps)("%s", async (_, step, status, body) => {
    const reply = await step();
    expect({ status: reply.status, body: reply.body }).toMatchObject({ status, body });
  });

  test("nobody has wanted more than the table gives", () => {
    expect(platform.refusals()).toEqual([]);
  });

  test("and each function has wanted something: the table was asked", () => {
    const callers = new Set(platform.bigquery.statements().map(({ identity }) => identity));
    for (const name of names) expect([...callers].join()).toContain(`int-${name}@`);
  });

  test("no key stands in what they printed, and nobody but loopback was wanted", () => {
    for (const one of running.values()) {
      const { stdout, stderr } = one.output();
      for (const secret of [key, token, openai.admin, openai.another])
        expect(`${stdout}${stderr}`).not.toContain(String(secret));
      expect(one.outgoing()).toEqual([]);
    }
  });
});
