import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Parts } from "../../functions/parts.ts";
import { Fault, type FaultCode, faults } from "../../shared/contract/fault.ts";
import { backendName } from "../service/backend.ts";
import { type Reply, type Service, startService } from "../service/harness.ts";
import { exampleKeys } from "../simulators/start.ts";
import { type InProcess, serveInProcess, withMethods } from "./in-process.ts";
import { expectProblem } from "./problem.ts";

const openai = exampleKeys("OPENAI");
const gemini = exampleKeys("GEMINI");
const RUN = { pipeline: "genai.payg_usage", run_id: "run-1" };
const CANARY = "CANARY-5d1f";
let service: Service;
let limited: Service;
let faulty: InProcess;
let broken: Partial<Parts> = {};
let key: string;
let readKey: string;
let token: string;

beforeAll(async () => {
  service = await startService();
  [limited, faulty] = await Promise.all([
    startService({ simulators: service.simulators, env: { INTEGRATIONS_RATE_LIMIT: "1" } }),
    serveInProcess(async () => ({ ...service.parts, log: () => {}, ...broken })),
  ]);
  key = await service.orgKey("acme");
  readKey = await service.orgKey("acme", "read");
  await service.grant("pipeline", ["acme"]);
  token = await service.token("pipeline");
  await setup("openai", openai.admin ?? "");
  await setup("anthropic", exampleKeys("ANTHROPIC").good);
});
afterAll(async () => {
  await faulty.close();
  await limited.close();
  await service.close();
});

const setup = (provider: string, credential: unknown, headers: Record<string, string> = {}) =>
  service.send("POST", `/acme/${provider}/setup`, { key, body: { credential }, headers });

/** One request to the framework in this process, with parts that fail. */
async function failing(parts: Partial<Parts>, ...sent: Parameters<Service["send"]>): Promise<Reply> {
  broken = parts;
  try {
    return await faulty.send(...sent);
  } finally {
    broken = {};
  }
}

const raise = (code: FaultCode) => async (): Promise<never> => {
  throw new Fault(code, { cause: new Error(CANARY) });
};

interface Row {
  code: FaultCode;
  when: string;
  status: number;
  text: string;
  has?: Record<string, unknown>;
  headers?: Record<string, string | RegExp>;
  answer: () => Promise<Reply>;
}

const rows: Row[] = [
  {
    code: "request_malformed",
    when: "a field is wrong",
    status: 400,
    text: "/credential_name: must be a string",
    has: { errors: [{ field: "/credential_name", message: "must be a string" }] },
    answer: () => service.send("POST", "/acme/openai/setup", { key, body: { credential: "x", credential_name: 1 } }),
  },
  {
    code: "org_key_invalid",
    when: "there is no key",
    status: 401,
    text: "Organization API key not found",
    answer: () => service.send("GET", "/acme"),
  },
  {
    code: "caller_invalid",
    when: "there is no token",
    status: 401,
    text: "Identity token not accepted",
    has: { reason: "missing" },
    answer: () => service.send("POST", "/acme/openai/decrypt", { body: RUN }),
  },
  {
    code: "caller_invalid",
    when: "Cloud Run has stripped the token's signature",
    status: 401,
    text: "Identity token not accepted",
    has: { reason: "signature_removed", remedy: expect.stringContaining("X-Serverless-Authorization") },
    answer: () =>
      service.send("POST", "/acme/openai/decrypt", {
        token: token.replace(/[^.]+$/, "SIGNATURE_REMOVED_BY_GOOGLE"),
        body: RUN,
      }),
  },
  {
    code: "forbidden",
    when: "the organisation is another's",
    status: 403,
    text: "Not allowed for this organization",
    answer: () => service.send("GET", "/globex", { key }),
  },
  {
    code: "forbidden",
    when: "the pipeline has no grant",
    status: 403,
    text: "This caller has no grant for this organization",
    answer: () => service.send("POST", "/globex/openai/decrypt", { token, body: RUN }),
  },
  {
    code: "scope_insufficient",
    when: "a read key would change something",
    status: 403,
    text: "This operation needs an API key with the scope manage",
    answer: () => service.send("DELETE", "/acme/openai", { key: readKey }),
  },
  {
    code: "route_unknown",
    when: "there is no such path",
    status: 404,
    text: "Route not found",
    answer: () => service.send("GET", "/acme/openai/nonsense", { key }),
  },
  {
    code: "provider_unknown",
    when: "the registry has no such provider",
    status: 404,
    text: "Provider not found: add it to the registry",
    answer: () => service.send("GET", "/acme/nosuch", { key }),
  },
  {
    code: "provider_unknown",
    when: "the provider is in upper case, and the right spelling is named",
    status: 404,
    text: "Provider not found: add it to the registry",
    has: { remedy: "Write the provider in lower case: openai" },
    answer: () => service.send("GET", "/acme/OpenAI", { key }),
  },
  {
    code: "not_configured",
    when: "nothing is set up",
    status: 404,
    text: "DeepSeek is not configured",
    has: { provider: "DEEPSEEK", remedy: expect.stringContaining("/deepseek/setup") },
    answer: () => service.send("GET", "/acme/deepseek", { key }),
  },
  {
    code: "method_not_allowed",
    when: `the route has other methods: those of the ${backendName === "gcp" ? "function that was asked" : "whole service"}`,
    status: 405,
    text: "Method not allowed",
    headers: { allow: backendName === "gcp" ? "GET, HEAD" : "GET, HEAD, PUT, DELETE" },
    answer: () => service.send("PATCH", "/acme/openai", { key }),
  },
  {
    code: "credential_not_usable",
    when: "the integration is disabled",
    status: 409,
    text: "The credential of Anthropic cannot be used",
    has: { provider: "ANTHROPIC", reason: "disabled", remedy: expect.stringContaining("PUT /acme/anthropic") },
    answer: async () => {
      await service.send("PUT", "/acme/anthropic", { key, body: { enabled: false } });
      return await service.send("POST", "/acme/anthropic/decrypt", { token, body: RUN });
    },
  },
  {
    code: "conflict",
    when: "another change was stored while a new credential was proven",
    status: 409,
    text: "A newer version was stored meanwhile",
    has: { provider: "GROQ", remedy: expect.any(String) },
    answer: async () => {
      await setup("groq", exampleKeys("GROQ").good);
      service.simulators.latency("GROQ", 400);
      const slow = service.send("PUT", "/acme/groq", { key, body: { credential: exampleKeys("GROQ").another } });
      await asked("GROQ", 2);
      expect((await service.send("PUT", "/acme/groq", { key, body: { credential_name: "First" } })).status).toBe(200);
      return await slow;
    },
  },
  {
    code: "in_flight",
    when: "the same Idempotency-Key is still running",
    status: 409,
    text: "A request with the same Idempotency-Key is still running",
    headers: { "retry-after": "1" },
    answer: async () => {
      service.simulators.latency("XAI", 400);
      const headers = { "idempotency-key": "running" };
      const slow = setup("xai", exampleKeys("XAI").good, headers);
      await asked("XAI", 1);
      const second = await setup("xai", exampleKeys("XAI").good, headers);
      expect((await slow).status).toBe(201);
      return second;
    },
  },
  {
    code: "already_exists",
    when: "If-None-Match: * meets something configured",
    status: 412,
    text: "Integration already exists for OpenAI",
    has: { provider: "OPENAI" },
    answer: () => setup("openai", openai.good, { "if-none-match": "*" }),
  },
  {
    code: "precondition_failed",
    when: "If-Match names another version",
    status: 412,
    text: "The integration is at another version than If-Match names",
    has: { provider: "OPENAI", remedy: expect.any(String) },
    answer: () => setup("openai", openai.good, { "if-match": '"v99"' }),
  },
  {
    code: "payload_too_large",
    when: "the body has more than 128 KiB",
    status: 413,
    text: "The body is larger than 128 KiB",
    answer: () => service.send("POST", "/acme/openai/setup", { key, raw: `{"credential":"${"x".repeat(131_072)}"}` }),
  },
  {
    code: "media_type",
    when: "the body is no JSON",
    status: 415,
    text: "Send application/json without Content-Encoding",
    answer: () =>
      service.send("POST", "/acme/openai/setup", {
        key,
        raw: "credential=x",
        headers: { "content-type": "text/plain" },
      }),
  },
  {
    code: "credential_format",
    when: "the key has no such form",
    status: 422,
    text: "Invalid API key format for OpenAI",
    has: { provider: "OPENAI", errors: [{ field: "/credential", message: expect.any(String) }] },
    answer: () => setup("openai", "not-a-key"),
  },
  {
    code: "credential_rejected",
    when: "the provider refuses the key",
    status: 422,
    text: "OpenAI API key is invalid or expired",
    has: { provider: "OPENAI", remedy: expect.stringContaining("platform.openai.com") },
    answer: () => setup("openai", openai.revoked),
  },
  {
    code: "permission_missing",
    when: "a required permission is denied",
    status: 422,
    text: "Service account lacks required permissions",
    has: { provider: "GEMINI", reason: expect.any(String), remedy: expect.any(String) },
    answer: () => setup("gemini", gemini.forbidden),
  },
  {
    code: "token_unsupported",
    when: "the provider has no short-lived stand-in",
    status: 422,
    text: "OpenAI offers no short-lived stand-in for this credential",
    has: { provider: "OPENAI", remedy: expect.any(String) },
    answer: () => service.send("POST", "/acme/openai/decrypt", { token, body: { ...RUN, as: "token" } }),
  },
  {
    code: "idempotency_reuse",
    when: "the Idempotency-Key came with another body",
    status: 422,
    text: "This Idempotency-Key was used with another body",
    answer: async () => {
      const headers = { "idempotency-key": "reused" };
      expect((await setup("mistral", exampleKeys("MISTRAL").good, headers)).status).toBe(201);
      return await setup("mistral", exampleKeys("MISTRAL").another, headers);
    },
  },
  {
    code: "too_many_requests",
    when: "an organisation has sent 60 setups in a minute",
    status: 429,
    text: "Too many requests",
    headers: { "retry-after": /^[1-9]\d?$/ },
    answer: async () => {
      const other = await limited.orgKey("acme");
      const refused = await untilLimited(60, () =>
        limited.send("POST", "/acme/openai/setup", { key: other, body: {} }),
      );
      // Reading draws on another budget, and so does another organisation.
      expect((await limited.send("GET", "/acme", { key: other })).status).toBe(200);
      const elsewhere = { key: await limited.orgKey("globex"), body: {} };
      expect((await limited.send("POST", "/globex/openai/setup", elsewhere)).status).toBe(400);
      return refused;
    },
  },
  {
    code: "too_many_requests",
    when: "an address has sent 20 keys that were not recognised",
    status: 429,
    text: "Too many requests with API keys that were not recognised",
    headers: { "retry-after": /^[1-9]\d?$/ },
    answer: () => untilLimited(20, () => limited.send("GET", "/acme", { key: "nonsense" })),
  },
  {
    code: "provider_unreachable",
    when: "the provider fails",
    status: 502,
    text: "Unable to connect to DeepSeek",
    has: { provider: "DEEPSEEK", reason: expect.any(String) },
    headers: { "retry-after": /^\d+$/ },
    answer: () => setup("deepseek", exampleKeys("DEEPSEEK").outage),
  },
  {
    code: "provider_rate_limited",
    when: "the provider limits us",
    status: 503,
    text: "DeepSeek rate limit exceeded during validation",
    has: { provider: "DEEPSEEK" },
    headers: { "retry-after": /^\d+$/ },
    answer: () => setup("deepseek", exampleKeys("DEEPSEEK").limited),
  },
  {
    code: "encryption_failed",
    when: "the key does not encrypt",
    status: 503,
    text: "Credential encryption failed",
    answer: () =>
      failing(
        { keys: { encrypt: raise("encryption_failed"), decrypt: raise("key_unavailable") } },
        "POST",
        "/acme/cohere/setup",
        { key, body: { credential: exampleKeys("COHERE").good } },
      ),
  },
  {
    code: "key_unavailable",
    when: "the key does not decrypt",
    status: 503,
    text: "The encryption key cannot be used now",
    answer: () =>
      failing(
        { keys: { encrypt: raise("encryption_failed"), decrypt: raise("key_unavailable") } },
        "POST",
        "/acme/openai/decrypt",
        { token, body: RUN },
      ),
  },
  {
    code: "key_unavailable",
    when: "the pepper cannot be had",
    status: 503,
    text: "The encryption key cannot be used now",
    answer: () => failing({ secrets: { peppers: raise("key_unavailable") } }, "GET", "/acme", { key }),
  },
  {
    code: "store_unavailable",
    when: "the store does not answer",
    status: 503,
    text: "The credential store is not available",
    answer: () =>
      failing({ store: withMethods(service.parts.store, { readHeads: raise("store_unavailable") }) }, "GET", "/acme", {
        key,
      }),
  },
  {
    code: "audit_unavailable",
    when: "the audit record cannot be written, and then no secret leaves",
    status: 503,
    text: "The audit log cannot be written, so nothing was released",
    answer: () =>
      failing(
        {
          audit: {
            write: () => {
              throw new Fault("audit_unavailable", { cause: new Error(CANARY) });
            },
          },
        },
        "POST",
        "/acme/openai/decrypt",
        { token, body: RUN },
      ),
  },
  {
    code: "integrity",
    when: "a stored credential fails its checks",
    status: 500,
    text: "The stored credential failed its integrity checks; nothing was returned",
    answer: () =>
      failing(
        { keys: { encrypt: raise("encryption_failed"), decrypt: raise("integrity") } },
        "POST",
        "/acme/mistral/decrypt",
        { token, body: RUN },
      ),
  },
  {
    code: "internal",
    when: "something fails that nobody foresaw, and nothing of it is shown",
    status: 500,
    text: "Internal error",
    answer: () =>
      failing(
        {
          store: withMethods(service.parts.store, {
            readHeads: async () => {
              throw new TypeError(CANARY);
            },
          }),
        },
        "GET",
        "/acme",
        { key },
      ),
  },
];

describe("each way to fail has its code, status, text and headers", () => {
  test.each(rows)("$status $code when $when", async ({ code, status, text, has, headers, answer }) => {
    const reply = await answer();
    expectProblem(reply, status, code);
    expect(reply.body).toMatchObject({ title: faults[code].title, detail: text, ...has });
    expect(reply.headers.has("allow")).toBe(code === "method_not_allowed");
    for (const [name, value] of Object.entries(headers ?? {}))
      expect(reply.headers.get(name)).toEqual(typeof value === "string" ? value : expect.stringMatching(value));
    for (const secret of [openai.admin ?? "", openai.revoked, gemini.forbidden, CANARY])
      expect(reply.text).not.toContain(secret);
  });

  test("no code is left out but the one that needs AWS", () => {
    const seen = new Set(rows.map(({ code }) => code));
    expect(Object.keys(faults).filter((code) => !seen.has(code as FaultCode))).toEqual(["trust_policy_too_wide"]);
  });
});

test("where not even the parts can be had, the answer is a problem document all the same", async () => {
  const dead = await serveInProcess(async () => {
    throw new Error(CANARY);
  });
  const reply = await dead.send("GET", "/acme", { key });
  expectProblem(reply, 500, "internal");
  expect(reply.text).not.toContain(CANARY);
  await dead.close();
});

test("a key whose row cannot be read is integrity, and the path of who sent it is not recorded", async () => {
  const logs: unknown[] = [];
  const parts: Partial<Parts> = {
    orgKeys: withMethods(service.parts.orgKeys, { findKey: raise("integrity") }),
    log: (...line) => void logs.push(line),
  };
  expectProblem(await failing(parts, "GET", "/sk-proj-0123456789abcdefghij", { key }), 500, "integrity");
  expect(JSON.stringify(logs)).toContain("integrity");
  expect(JSON.stringify(logs)).not.toContain("0123456789");
});

describe("the request's line in the log narrows the code down with a word of ours,", () => {
  const line = async (reason: string, method: "readHeads" | "findKey") => {
    const lines: Array<Parameters<Parts["log"]>> = [];
    const raised = async (): Promise<never> => {
      throw new Fault("store_unavailable", { reason, retryAfterS: 60 });
    };
    const parts: Partial<Parts> =
      method === "findKey"
        ? { orgKeys: withMethods(service.parts.orgKeys, { findKey: raised }) }
        : { store: withMethods(service.parts.store, { readHeads: raised }) };
    const fresh = method === "findKey" ? await service.orgKey("acme") : key;
    await failing({ ...parts, log: (...given) => void lines.push(given) }, "GET", "/acme", { key: fresh });
    return lines.find(([, event]) => event === "request")?.[2];
  };

  test.each(["denied", "missing", "quota", "no_answer"])("%s, so that an operator need not guess", async (reason) => {
    for (const method of ["readHeads", "findKey"] as const)
      expect(await line(reason, method)).toMatchObject({ code: "store_unavailable", reason, status: 503 });
  });

  test.each([
    "sk-proj-0123456789",
    "0123456789abcdef",
    "Access Denied: Table acme",
    "abcdefghijklmnopqrstuvwxyz012345",
    "",
  ])("and with nothing else: %s is not logged", async (reason) => {
    expect(await line(reason, "readHeads")).not.toHaveProperty("reason");
  });
});

test("a dry run needs no key and writes nothing to the store", async () => {
  const dead = {
    keys: { encrypt: raise("encryption_failed"), decrypt: raise("key_unavailable") },
    store: withMethods(service.parts.store, {
      placeHeads: raise("store_unavailable"),
      appendVersions: raise("store_unavailable"),
      advanceHead: raise("store_unavailable"),
      advanceHeads: raise("store_unavailable"),
    }),
  };
  const credential = exampleKeys("COHERE").good;
  const one = await failing(dead, "POST", "/acme/cohere/setup?dry_run=true", { key, body: { credential } });
  expect(one).toMatchObject({ status: 200, body: { success: true } });
  const items = [{ provider: "cohere", credential }];
  const many = await failing(dead, "POST", "/acme/import?dry_run=true", { key, body: { items } });
  expect(many).toMatchObject({ status: 200, body: { success: true } });
});

test("a failed setup has stored nothing", async () => {
  const { body } = await service.send("GET", "/acme", { key });
  expect(body.providers_configured).not.toContain("COHERE");
  expect(body.providers_configured).not.toContain("DEEPSEEK");
  expect(body.providers_configured).not.toContain("GEMINI");
});

test("nothing that was refused stands in the process's output", () => {
  const { stdout, stderr } = service.output();
  for (const secret of [openai.admin ?? "", openai.revoked, gemini.forbidden, "not-a-key", "credential=x"])
    expect(stdout + stderr).not.toContain(secret);
});

async function untilLimited(budget: number, once: () => Promise<Reply>): Promise<Reply> {
  for (let sent = 0; sent <= 2 * budget; sent += 1) {
    const reply = await once();
    if (reply.status === 429) return reply;
  }
  throw new Error("never limited");
}

/** Waits until a provider has been asked so many times. */
async function asked(provider: string, times: number): Promise<void> {
  await expect
    .poll(() => service.simulators.requests.filter((one) => one.provider === provider).length, {
      interval: 5,
      timeout: 3_000,
    })
    .toBeGreaterThanOrEqual(times);
}
