import { createHmac, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { JWTPayload } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { routes } from "../../shared/contract/routes.ts";
import { Limiter } from "../../shared/http/limits.ts";
import type { Pepper } from "../../shared/ports/secret-source.ts";
import { hashOrgKey, mintOrgKey } from "../../shared/vault/org-key.ts";
import { backendName } from "../service/backend.ts";
import { type Reply, type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { type InProcess, serveInProcess, withMethods } from "./in-process.ts";
import { expectProblem } from "./problem.ts";

const secret = exampleKeys("OPENAI").good;
const RUN = { pipeline: "genai.payg_usage", run_id: "r" };
const AUDIENCE = "cloudact-integrations-decrypt";
let service: Service;

/** What a caller presents. */
type Presents = { key?: string; token?: string };

/** The routes as they are called, and who the contract lets in. Written by hand, so that a wrong table shows. */
const calls: Array<{
  name: string;
  gate: "anyone" | "read" | "manage" | "pipeline" | "scheduler";
  method: string;
  path: string;
  body?: unknown;
  granted: number;
}> = [
  {
    name: "setup",
    gate: "manage",
    method: "POST",
    path: "/acme/openai/setup",
    body: { credential: secret },
    granted: 200,
  },
  {
    name: "setup, dry run",
    gate: "manage",
    method: "POST",
    path: "/acme/openai/setup?dry_run=true",
    body: { credential: secret },
    granted: 200,
  },
  {
    name: "import",
    gate: "manage",
    method: "POST",
    path: "/acme/import?dry_run=true",
    body: { items: [{ provider: "openai", credential: secret }] },
    granted: 200,
  },
  { name: "validate", gate: "manage", method: "POST", path: "/acme/openai/validate", granted: 200 },
  { name: "list", gate: "read", method: "GET", path: "/acme", granted: 200 },
  { name: "providers", gate: "anyone", method: "GET", path: "/providers", granted: 200 },
  { name: "openapi", gate: "anyone", method: "GET", path: "/openapi.json", granted: 200 },
  { name: "get", gate: "read", method: "GET", path: "/acme/openai", granted: 200 },
  { name: "get, older path", gate: "read", method: "GET", path: "/acme/openai/status", granted: 200 },
  { name: "history", gate: "read", method: "GET", path: "/acme/openai/history", granted: 200 },
  { name: "instructions", gate: "read", method: "GET", path: "/acme/openai/instructions", granted: 200 },
  {
    name: "update",
    gate: "manage",
    method: "PUT",
    path: "/acme/openai",
    body: { credential_name: "Name" },
    granted: 200,
  },
  {
    name: "rotate",
    gate: "manage",
    method: "POST",
    path: "/acme/openai/rotate",
    body: { new_credentials: secret },
    granted: 200,
  },
  { name: "delete", gate: "manage", method: "DELETE", path: "/acme/deepseek", granted: 404 },
  { name: "decrypt", gate: "pipeline", method: "POST", path: "/acme/openai/decrypt", body: RUN, granted: 200 },
  {
    name: "failures",
    gate: "pipeline",
    method: "POST",
    path: "/acme/openai/failures",
    body: { ...RUN, credential_id: "7d3f1f1e-3c4b-4a5d-8e6f-001122334455" },
    granted: 202,
  },
  {
    name: "revalidate",
    gate: "scheduler",
    method: "POST",
    path: "/revalidate",
    body: { limit: 1, org: "nobody" },
    granted: 200,
  },
];

type Standing = { org?: "own read" | "own manage" | "foreign"; pipeline?: "granted" | "ungranted" | "scheduler" };

/** Each caller, and what it is worth; `{}` is nobody. */
const callers: Array<{ name: string; is: Standing; presents: () => Promise<Presents> | Presents }> = [
  { name: "nobody", is: {}, presents: () => ({}) },
  { name: "an empty key", is: {}, presents: () => ({ key: "" }) },
  { name: "a malformed key", is: {}, presents: () => ({ key: "cact_local_short" }) },
  { name: "a key of the older kind", is: {}, presents: () => ({ key: "acme_api_0123456789abcdef" }) },
  {
    name: "a key with a wrong checksum",
    is: {},
    presents: async () => ({ key: flipLast(await service.orgKey("acme")) }),
  },
  {
    name: "a key that nobody issued",
    is: {},
    presents: () => ({ key: mintOrgKey(service.parts.keyEnvironment).key.reveal() }),
  },
  {
    name: "a key whose id is known and whose secret is not",
    is: {},
    presents: async () => ({ key: await sameIdOtherSecret() }),
  },
  {
    name: "a revoked key",
    is: {},
    presents: async () => ({ key: await service.orgKey("acme", "manage", { revoked_at: ago(1) }) }),
  },
  {
    name: "an expired key",
    is: {},
    presents: async () => ({ key: await service.orgKey("acme", "manage", { expires_at: ago(1) }) }),
  },
  { name: "a key of the environment live", is: {}, presents: () => foreignEnvironment("live") },
  {
    name: "a key of a further environment",
    is: {},
    presents: () => foreignEnvironment(backendName === "gcp" ? "local" : "test"),
  },
  {
    name: "a key in upper case",
    is: {},
    presents: async () => ({ key: (await service.orgKey("acme")).toUpperCase() }),
  },
  { name: "a key in Authorization", is: {}, presents: async () => ({ token: await service.orgKey("acme") }) },
  {
    name: "a read key",
    is: { org: "own read" },
    presents: async () => ({ key: await service.orgKey("acme", "read") }),
  },
  { name: "a manage key", is: { org: "own manage" }, presents: async () => ({ key: await service.orgKey("acme") }) },
  {
    name: "a key that expires later",
    is: { org: "own manage" },
    presents: async () => ({ key: await service.orgKey("acme", "manage", { expires_at: ago(-60) }) }),
  },
  {
    name: "another organisation's read key",
    is: { org: "foreign" },
    presents: async () => ({ key: await service.orgKey("globex", "read") }),
  },
  {
    name: "another organisation's manage key",
    is: { org: "foreign" },
    presents: async () => ({ key: await service.orgKey("globex") }),
  },
  {
    name: "a key of an organisation whose name begins like ours",
    is: { org: "foreign" },
    presents: async () => ({ key: await service.orgKey("acme-2") }),
  },
  {
    name: "a pipeline with a grant",
    is: { pipeline: "granted" },
    presents: () => pipeline("granted", ["acme"], ["*"]),
  },
  {
    name: "a pipeline with a grant for the provider",
    is: { pipeline: "granted" },
    presents: () => pipeline("openai-only", ["globex", "acme"], ["OPENAI"]),
  },
  { name: "a pipeline without a grant", is: { pipeline: "ungranted" }, presents: () => pipeline("without", [], []) },
  {
    name: "a pipeline with a grant for another organisation",
    is: { pipeline: "ungranted" },
    presents: () => pipeline("elsewhere", ["globex"], ["*"]),
  },
  {
    name: "a pipeline with a grant for another provider",
    is: { pipeline: "ungranted" },
    presents: () => pipeline("groq-only", ["acme"], ["GROQ"]),
  },
  {
    name: "a pipeline whose grant has expired",
    is: { pipeline: "ungranted" },
    presents: () => pipeline("late", ["acme"], ["*"], { expires_at: ago(1) }),
  },
  {
    name: "a pipeline whose grant was revoked",
    is: { pipeline: "ungranted" },
    presents: () => pipeline("stopped", ["acme"], ["*"], { revoked_at: ago(1) }),
  },
  {
    name: "the Scheduler",
    is: { pipeline: "scheduler" },
    presents: async () => ({ token: await service.token("scheduler") }),
  },
  { name: "an expired token", is: {}, presents: () => signed({ iat: seconds(-7_200), exp: seconds(-3_600) }) },
  { name: "a token of the future", is: {}, presents: () => signed({ iat: seconds(600), exp: seconds(1_200) }) },
  { name: "a token that lives too long", is: {}, presents: () => signed({ exp: seconds(86_400) }) },
  { name: "a token without an end", is: {}, presents: () => signed({ exp: undefined }) },
  { name: "a token without a subject", is: {}, presents: () => signed({ sub: undefined }) },
  {
    name: "a token for another audience",
    is: {},
    presents: async () => ({
      token: await service.token("granted", "another"),
    }),
  },
  { name: "a token for two audiences", is: {}, presents: () => signed({ aud: [AUDIENCE, "another"] }) },
  { name: "a token without an audience", is: {}, presents: () => signed({ aud: undefined }) },
  { name: "a token of another issuer", is: {}, presents: () => signed({ iss: "https://accounts.example.com" }) },
  { name: "a token with an unverified e-mail", is: {}, presents: () => signed({ email_verified: false }) },
  {
    name: "a token that says alg none",
    is: {},
    presents: () => ({ token: `${encoded({ alg: "none", typ: "JWT" })}.${encoded(claims())}.` }),
  },
  {
    name: "a token that says alg none and has a signature",
    is: {},
    presents: () => ({ token: `${encoded({ alg: "none", typ: "JWT" })}.${encoded(claims())}.AAAA` }),
  },
  {
    name: "a token signed by HS256 with the public key",
    is: {},
    presents: async () => ({ token: await signedWithPublicKey() }),
  },
  {
    name: "a token signed by another key under our key's id",
    is: {},
    presents: async () => ({ token: await signedByStranger() }),
  },
  {
    name: "a token whose claims were changed",
    is: {},
    presents: async () => ({ token: (await service.token("without")).replace(/\.[^.]+\./, `.${encoded(claims())}.`) }),
  },
  {
    name: "a token whose signature was removed",
    is: {},
    presents: async () => ({
      token: (await service.token("granted")).replace(/[^.]+$/, "SIGNATURE_REMOVED_BY_GOOGLE"),
    }),
  },
  {
    name: "a token whose signature is empty",
    is: {},
    presents: async () => ({ token: (await service.token("granted")).replace(/[^.]+$/, "") }),
  },
  { name: "garbage as a token", is: {}, presents: () => ({ token: "garbage" }) },
  { name: "a token of 5 KB", is: {}, presents: () => ({ token: `a.${"b".repeat(5_000)}.c` }) },
];

beforeAll(async () => {
  service = await startService();
  await service.token("granted"); // makes the key that the forgeries are made from
  await service.send("POST", "/acme/openai/setup", { key: await service.orgKey("acme"), body: { credential: secret } });
});
afterAll(() => service.close());

/** The contract's sentence: who may do what, and what the others are told. */
function expected(gate: string, is: Standing, granted: number): { status: number; code: string | null } {
  const may = { status: granted, code: null };
  const say = (status: number, code: string) => ({ status, code });
  switch (gate) {
    case "anyone":
      return may;
    case "read":
    case "manage":
      if (is.org === undefined) return say(401, "org_key_invalid");
      if (is.org === "foreign") return say(403, "forbidden");
      return gate === "manage" && is.org === "own read" ? say(403, "scope_insufficient") : may;
    case "pipeline":
      if (is.pipeline === undefined) return say(401, "caller_invalid");
      return is.pipeline === "granted" ? may : say(403, "forbidden");
    default:
      if (is.pipeline === undefined) return say(401, "caller_invalid");
      return is.pipeline === "scheduler" ? may : say(403, "forbidden");
  }
}

test("the matrix has every route of the service", () => {
  const named = new Set(calls.map(({ name }) => name.split(",")[0]));
  expect([...new Set(routes.map(({ name }) => name))].sort()).toEqual([...named].sort());
  for (const { name, gate } of calls)
    expect(routes.find((route) => route.name === name.split(",")[0])?.caller).toBe(gate);
});

const unauthorised: Array<{ caller: string; gate: string; reply: Reply }> = [];

describe.each(callers)("$name", ({ name, is, presents }) => {
  let presented: Presents;
  beforeAll(async () => {
    presented = await presents();
  });
  test.each(calls)("$name", async ({ gate, method, path, body, granted }) => {
    const reply = await service.send(method, path, { ...presented, ...(body === undefined ? {} : { body }) });
    const { status, code } = expected(gate, is, granted);
    if (code === null) {
      expect(reply.status).toBe(status);
    } else {
      expectProblem(reply, status, code);
      expect(reply.text).not.toContain(secret);
    }
    if (gate !== "pipeline") expect(reply.text).not.toContain(secret);
    if (reply.status === 401) unauthorised.push({ caller: name, gate, reply });
    for (const value of [presented.key, presented.token])
      if (value && value.length > 10) expect(reply.text).not.toContain(value);
  });
});

test("whatever is wrong with an organisation's key, the answer is the same to the byte", () => {
  const bodies = unauthorised
    .filter(({ gate }) => gate === "read" || gate === "manage")
    .map(({ reply }) => withoutId(reply));
  expect(bodies.length).toBeGreaterThan(100);
  expect(new Set(bodies).size).toBe(1);
});

test("another organisation is answered the same whether it exists or not", async () => {
  const key = await service.orgKey("initech");
  const [existing, absent] = [
    await service.send("GET", "/acme/openai", { key }),
    await service.send("GET", "/never-was/openai", { key }),
  ];
  expect(withoutId(existing)).toBe(withoutId(absent));
  const token = await service.token("without");
  const [a, b] = [
    await service.send("POST", "/acme/openai/decrypt", { token, body: RUN }),
    await service.send("POST", "/never-was/openai/decrypt", { token, body: RUN }),
  ];
  expect(withoutId(a)).toBe(withoutId(b));
});

test("a key beside a token opens nothing that it would not open alone", async () => {
  const key = await service.orgKey("acme");
  const token = await service.token("granted");
  expect(
    (await service.send("POST", "/globex/openai/decrypt", { key: await service.orgKey("globex"), token, body: RUN }))
      .status,
  ).toBe(403);
  expect((await service.send("POST", "/acme/openai/decrypt", { key, body: RUN })).status).toBe(401);
  expect((await service.send("DELETE", "/acme/openai", { token })).status).toBe(401);
});

test("a Scheduler's header proves nothing", async () => {
  const asked = service.simulators.requests.length;
  const reply = await service.send("POST", "/revalidate", {
    headers: { "x-cloudscheduler": "true", "x-cloudscheduler-jobname": "sweep" },
  });
  expectProblem(reply, 401, "caller_invalid");
  expect(service.simulators.requests).toHaveLength(asked);
});

test("every refusal stands in the audit log, with no key and no token", async () => {
  const records = await service.audit();
  const text = JSON.stringify(records);
  const denied = records.filter(({ decision }) => decision === "deny");
  expect(denied.filter(({ status }) => status === 401).length).toBeGreaterThanOrEqual(unauthorised.length);
  expect(new Set(denied.map(({ reason_code }) => reason_code))).toEqual(
    new Set(["org_key_invalid", "caller_invalid", "forbidden", "scope_insufficient"]),
  );
  expect(text).not.toMatch(/cact_(?:live|test|local)_/);
  expect(text + service.output().stderr).not.toMatch(/eyJ[A-Za-z0-9_-]{10}/);
  expect(text).not.toContain(secret);
});

describe("who is denied is audited by what is known of them", () => {
  const keyId = (key: string | undefined) => key?.split("_")[2] ?? null;
  const asks = { method: "GET", path: "/acme/openai" };
  const sweep = { method: "POST", path: "/revalidate", body: {} };
  const decrypt = { method: "POST", path: "/acme/openai/decrypt", body: RUN };
  const keyLike = "sk-proj-0123456789abcdefghij";
  const denials: Array<[string, typeof asks & { body?: unknown }, () => Promise<Presents> | Presents, object]> = [
    [
      "another organisation's key",
      asks,
      async () => ({ key: await service.orgKey("globex") }),
      { actor_type: "api_key", org_slug: "acme", reason_code: "forbidden" },
    ],
    [
      "a read key that would manage",
      { method: "DELETE", path: "/acme/deepseek" },
      async () => ({ key: await service.orgKey("acme", "read") }),
      { actor_type: "api_key", org_slug: "acme", reason_code: "scope_insufficient" },
    ],
    [
      "a pipeline without a grant",
      decrypt,
      () => pipeline("without", [], []),
      { actor_type: "service_account", actor_id: "without", org_slug: "acme", reason_code: "forbidden" },
    ],
    [
      "a pipeline with another provider's grant",
      decrypt,
      () => pipeline("xai-only", ["acme"], ["XAI"]),
      {
        actor_type: "service_account",
        actor_id: "xai-only",
        org_slug: "acme",
        provider: "OPENAI",
        reason_code: "forbidden",
      },
    ],
    [
      "a pipeline that would sweep",
      sweep,
      () => pipeline("sweeper", [], []),
      { actor_type: "service_account", actor_id: "sweeper", reason_code: "forbidden" },
    ],
    [
      "nobody",
      asks,
      () => ({}),
      { actor_type: "anonymous", actor_id: null, org_slug: null, reason_code: "org_key_invalid" },
    ],
    [
      "a key that nobody issued",
      asks,
      () => ({ key: mintOrgKey(service.parts.keyEnvironment).key.reveal() }),
      { actor_type: "anonymous", actor_id: null, org_slug: null, reason_code: "org_key_invalid" },
    ],
    [
      "a key whose id is known and whose secret is not",
      asks,
      async () => ({ key: await sameIdOtherSecret() }),
      { actor_type: "anonymous", actor_id: null, org_slug: null, reason_code: "org_key_invalid" },
    ],
    [
      "a forged token",
      decrypt,
      async () => ({ token: await signedByStranger() }),
      { actor_type: "anonymous", actor_id: null, org_slug: null, reason_code: "caller_invalid" },
    ],
    [
      "a key that asks for an organisation that may be a secret",
      { method: "GET", path: `/${keyLike}` },
      async () => ({ key: await service.orgKey("globex") }),
      { actor_type: "api_key", org_slug: null, reason_code: "forbidden" },
    ],
  ];
  test.each(denials)("%s", async (_, { method, path, body }, presents, record) => {
    const presented = await presents();
    const reply = await service.send(method, path, { ...presented, ...(body === undefined ? {} : { body }) });
    const id = String(reply.headers.get("x-request-id"));
    expect(await service.audit(id)).toEqual([
      expect.objectContaining({
        decision: "deny",
        outcome: "denied",
        status: reply.status,
        ...("actor_id" in record ? {} : { actor_id: keyId(presented.key) }),
        ...record,
      }),
    ]);
    await expect.poll(() => service.output().stderr.includes(id)).toBe(true);
    expect(service.output().stderr).not.toContain(keyLike);
  });
});

describe("a grant", () => {
  let late = 0;
  let near: InProcess;
  beforeAll(async () => {
    const { parts } = service;
    const clock = withMethods(parts.clock, { monotonic: () => parts.clock.monotonic() + late });
    const shifted = { ...parts, clock, log: () => {} };
    near = await serveInProcess(async () => shifted);
  });
  afterAll(() => near.close());
  const decrypt = async (subject: string) =>
    await near.send("POST", "/acme/openai/decrypt", { token: await service.token(subject), body: RUN });

  test.each([
    ["had none", []],
    ["had another provider's only", ["GROQ"]],
    ["had grants that have ended only", null],
  ])("that is made after a refusal works a second later, where the subject %s", async (how, providers) => {
    const subject = how.replaceAll(/[^a-z]/g, "-");
    if (providers === null) await service.grant(subject, ["acme"], ["*"], { expires_at: ago(1) });
    else if (providers.length > 0) await service.grant(subject, ["acme"], providers);
    expectProblem(await decrypt(subject), 403, "forbidden");
    await service.grant(subject, ["acme"], ["OPENAI"]);
    late += 1_000;
    expect((await decrypt(subject)).status).toBe(200);
  });

  test("that is revoked has stopped after 30 s, in use or not", async () => {
    const grants = {
      used: await service.grant("used", ["acme"]),
      rested: await service.grant("rested", ["acme"]),
    };
    for (const subject of ["used", "rested"]) expect((await decrypt(subject)).status).toBe(200);
    for (const id of Object.values(grants)) await service.parts.grants.revokeGrant(id, ago(0), "test");
    for (let passed = 0; passed < 30; passed += 5) {
      await decrypt("used");
      late += 5_000;
    }
    for (const subject of ["used", "rested"]) expectProblem(await decrypt(subject), 403, "forbidden");
  });

  test("that is missing is looked for once a second at most", async () => {
    let looked = 0;
    const grants = withMethods(service.parts.grants, {
      grantsOf: async (subject) => {
        looked += 1;
        return await service.parts.grants.grantsOf(subject);
      },
    });
    const now = service.parts.clock.monotonic();
    const still = withMethods(service.parts.clock, { monotonic: () => now });
    const parts = { ...service.parts, grants, clock: still, log: () => {} };
    const own = await serveInProcess(async () => parts);
    const token = await service.token("nobody-s");
    for (let sent = 0; sent < 20; sent += 1) await own.send("POST", "/acme/openai/decrypt", { token, body: RUN });
    await own.close();
    expect(looked).toBe(1);
  });
});

describe("the pepper of an organisation's key", () => {
  const peppers = (...versions: [number, ...number[]]): [Pepper, ...Pepper[]] => {
    const [first, ...rest] = versions.map((one) => ({ version: String(one), bytes: Buffer.alloc(32, one % 256) }));
    if (first === undefined) throw new Error("no pepper");
    return [first, ...rest];
  };
  /** A key that was hashed with this pepper. */
  const keyUnder = async (org: string, [pepper]: [Pepper, ...Pepper[]]): Promise<string> => {
    const { key, keyId } = mintOrgKey(service.parts.keyEnvironment);
    await service.parts.orgKeys.addKey({
      ...{ key_id: keyId, org_slug: org, environment: service.parts.keyEnvironment, scope: "manage", name: null },
      ...{ key_hmac: hashOrgKey(pepper.bytes, key.reveal()), pepper_version: pepper.version, legacy: false },
      ...{ created_at: ago(1), created_by: "test", expires_at: null, revoked_at: null, revoked_by: null },
    });
    return key.reveal();
  };
  const open: InProcess[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
  });
  const serve = async (change: Partial<typeof service.parts>): Promise<InProcess> => {
    const parts = { ...service.parts, log: () => {}, audit: { write: () => {} }, ...change };
    const own = await serveInProcess(async () => parts);
    open.push(own);
    return own;
  };

  test("that is newer than all that can be had now is 503, and is no failed key of that address", async () => {
    const limiter = new Limiter(service.parts.clock, 1);
    const own = await serve({ limiter, secrets: { peppers: async () => peppers(9001) } });
    const [newer, good] = [await keyUnder("acme", peppers(9002)), await keyUnder("globex", peppers(9001))];
    for (let sent = 0; sent < 25; sent += 1) {
      const reply = await own.send("GET", "/acme", { key: newer });
      expectProblem(reply, 503, "key_unavailable");
      expect(Number(reply.headers.get("retry-after"))).toBeGreaterThan(0);
    }
    expect((await own.send("GET", "/globex", { key: good })).status).toBe(200);
  });

  test.each(["9001", "old"])("that is gone is 401, as for every key that is not recognised: %s", async (version) => {
    const own = await serve({ secrets: { peppers: async () => peppers(9003, 9002) } });
    const key = await keyUnder("acme", [{ version, bytes: Buffer.alloc(32, 1) }]);
    expectProblem(await own.send("GET", "/acme", { key }), 401, "org_key_invalid");
  });

  test("that is newer than those that are remembered is asked for by its version, any other is not", async () => {
    const wanted: Array<string | undefined> = [];
    let held = peppers(9001);
    const own = await serve({
      secrets: {
        peppers: async (version) => {
          wanted.push(version);
          if (version === "9002") held = peppers(9002, 9001);
          return held;
        },
      },
    });
    const [older, newer] = [await keyUnder("acme", peppers(9001)), await keyUnder("acme", peppers(9002))];
    for (const key of [older, newer, older]) expect((await own.send("GET", "/acme", { key })).status).toBe(200);
    expect(wanted).toEqual([undefined, undefined, "9002", undefined]);
  });

  test("is asked for while its row is looked up, not after it", async () => {
    const both = { row: Promise.withResolvers<void>(), pepper: Promise.withResolvers<void>() };
    const own = await serve({
      orgKeys: withMethods(service.parts.orgKeys, {
        findKey: async (id) => {
          both.row.resolve();
          await both.pepper.promise;
          return await service.parts.orgKeys.findKey(id);
        },
      }),
      secrets: {
        peppers: async () => {
          both.pepper.resolve();
          await both.row.promise;
          return peppers(9001);
        },
      },
    });
    const sent = own.send("GET", "/acme", { key: await keyUnder("acme", peppers(9001)) });
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, null));
    const reply = await Promise.race([sent, late]);
    both.pepper.resolve();
    both.row.resolve();
    expect(reply).toMatchObject({ status: 200 });
  });

  test.each(["row", "pepper"])("or its row fails alone, and the request is 503 and nothing else: %s", async (which) => {
    const away = () => Promise.reject(new Fault(which === "row" ? "store_unavailable" : "key_unavailable"));
    const own = await serve(
      which === "row"
        ? { orgKeys: withMethods(service.parts.orgKeys, { findKey: away }) }
        : { secrets: { peppers: away } },
    );
    const key = await service.orgKey("acme");
    expect((await own.send("GET", "/acme", { key })).status).toBe(503);
  });
});

function withoutId(reply: Reply): string {
  return reply.text.replace(String(reply.headers.get("x-request-id")), "");
}

function ago(minutes: number): string {
  return new Date(Date.now() - minutes * 60_000).toISOString();
}

function seconds(fromNow: number): number {
  return Math.floor(Date.now() / 1_000) + fromNow;
}

function flipLast(key: string): string {
  return key.slice(0, -1) + (key.endsWith("0") ? "1" : "0");
}

/** A key with a right checksum whose look-up id is known: only the HMAC tells. */
async function sameIdOtherSecret(): Promise<string> {
  const known = mintOrgKey(service.parts.keyEnvironment);
  const other = mintOrgKey(service.parts.keyEnvironment);
  const [pepper] = await service.parts.secrets.peppers();
  await service.parts.orgKeys.addKey({
    key_id: other.keyId,
    org_slug: "acme",
    environment: service.parts.keyEnvironment,
    scope: "manage",
    name: null,
    key_hmac: hashOrgKey(pepper.bytes, known.key.reveal()),
    pepper_version: pepper.version,
    legacy: false,
    created_at: ago(1),
    created_by: "test",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
  });
  return other.key.reveal();
}

/** A key that is known in every respect, but minted for another environment. */
async function foreignEnvironment(environment: "live" | "test" | "local"): Promise<Presents> {
  const { key, keyId } = mintOrgKey(environment);
  const [pepper] = await service.parts.secrets.peppers();
  await service.parts.orgKeys.addKey({
    key_id: keyId,
    org_slug: "acme",
    environment,
    scope: "manage",
    name: null,
    key_hmac: hashOrgKey(pepper.bytes, key.reveal()),
    pepper_version: pepper.version,
    legacy: false,
    created_at: ago(1),
    created_by: "test",
    expires_at: null,
    revoked_at: null,
    revoked_by: null,
  });
  return { key: key.reveal() };
}

async function pipeline(
  subject: string,
  orgs: string[],
  providers: string[],
  change: { expires_at?: string; revoked_at?: string } = {},
): Promise<Presents> {
  if (orgs.length > 0) await service.grant(subject, orgs, providers, change);
  return { token: await service.token(subject) };
}

function claims(): JWTPayload {
  return {
    iss: service.backend.signer.issuer,
    aud: AUDIENCE,
    sub: "granted",
    iat: seconds(0),
    exp: seconds(3_600),
    email_verified: true,
  };
}

function encoded(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

/** A token that the real key has signed, with claims that the issuer would not make. */
async function signed(change: Record<string, unknown>): Promise<Presents> {
  const given = Object.entries({ ...claims(), ...change }).filter(([, value]) => value !== undefined);
  return { token: await service.backend.signer.sign(Object.fromEntries(given)) };
}

async function signedWithPublicKey(): Promise<string> {
  const jwk = await service.backend.signer.publicJwk();
  const pem = createPublicKey({ key: jwk, format: "jwk" }).export({ type: "spki", format: "pem" });
  const text = `${encoded({ alg: "HS256", kid: jwk.kid, typ: "JWT" })}.${encoded(claims())}`;
  return `${text}.${createHmac("sha256", pem).update(text).digest("base64url")}`;
}

async function signedByStranger(): Promise<string> {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
  const text = `${encoded({ alg: "RS256", kid: (await service.backend.signer.publicJwk()).kid, typ: "JWT" })}.${encoded(claims())}`;
  return `${text}.${sign("RSA-SHA256", Buffer.from(text), privateKey).toString("base64url")}`;
}
