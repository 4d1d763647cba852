import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { parse } from "yaml";
import {
  answers,
  type ExampleKeys,
  exampleKey,
  exampleKeys,
  fixture,
  markers,
  type ProviderCode,
  profiles,
  providerCodes,
  refusedEndpoint,
  render,
  type Simulators,
  startSimulators,
  transportAnswers,
} from "./start.ts";

/** The cheapest authenticated question of each provider, below its endpoint, and what a good answer has. */
const probes: Record<ProviderCode, { path: string; has: string; header?: string; method?: "POST" }> = {
  OPENAI: { path: "/models", has: "data" },
  ANTHROPIC: { path: "/v1/models?limit=1", has: "data" },
  GEMINI: { path: "/v1beta/models?pageSize=1", has: "models", header: "x-goog-api-key" },
  DEEPSEEK: { path: "/user/balance", has: "balance_infos" },
  MISTRAL: { path: "/v1/models", has: "data" },
  GROQ: { path: "/openai/v1/models", has: "data" },
  XAI: { path: "/v1/api-key", has: "redacted_api_key" },
  COHERE: { path: "/v1/check-api-key", has: "valid", method: "POST" },
  PERPLEXITY: { path: "/async/chat/completions", has: "requests" },
  OPENROUTER: { path: "/api/v1/key", has: "data" },
  TOGETHER: { path: "/v1/files", has: "data" },
  FIREWORKS: { path: "/v1/accounts?pageSize=1", has: "accounts" },
};

let simulators: Simulators;
beforeAll(async () => {
  simulators = await startSimulators();
});
beforeEach(() => simulators.reset());
afterAll(() => simulators.close());

function ask(
  provider: ProviderCode,
  key: string | null,
  options: { path?: string; timeoutMs?: number; headers?: Record<string, string> } = {},
): Promise<Response> {
  const probe = probes[provider];
  const headers: Record<string, string> = { "anthropic-version": "2026-10-21", ...options.headers };
  if (key !== null) headers[probe.header ?? "authorization"] = probe.header === undefined ? `Bearer ${key}` : key;
  const signal = AbortSignal.timeout(options.timeoutMs ?? 3_000);
  return fetch(`${simulators.endpoints[`${provider}_API`]}${options.path ?? probe.path}`, {
    method: probe.method ?? "GET",
    headers,
    redirect: "manual",
    signal,
  });
}

/** A member of a JSON answer, by path. */
async function at(reply: Response, ...path: (string | number)[]): Promise<unknown> {
  let value: unknown = await reply.json();
  for (const step of path) value = Reflect.get(Object(value), step);
  return value;
}

describe.each(providerCodes)("%s", (provider) => {
  const keys = exampleKeys(provider);

  it("accepts a good key with the body that its documentation shows", async () => {
    for (const key of [keys.good, keys.another]) {
      const reply = await ask(provider, key);
      expect(reply.status).toBe(200);
      expect(await reply.json()).toHaveProperty(probes[provider].has);
    }
  });

  it("has keys of its own shape for every behaviour", () => {
    const { garbage, ...wellFormed } = keys;
    for (const key of Object.values(wellFormed)) expect(key).toMatch(profiles[provider].shape);
    expect(garbage).not.toMatch(profiles[provider].shape);
    expect(exampleKeys(provider)).toEqual(keys);
  });

  it("refuses garbage and silence as the provider does", async () => {
    expect((await ask(provider, keys.garbage)).status).toBe(provider === "GEMINI" || provider === "XAI" ? 400 : 401);
    expect((await ask(provider, null)).status).toBe(provider === "GEMINI" ? 403 : 401);
  });

  it("refuses a key once it is revoked, and that one only", async () => {
    simulators.revoke(keys.good);
    const { status } = fixture(provider, "rejected");
    expect([400, 401]).toContain(status);
    expect((await ask(provider, keys.good)).status).toBe(status);
    expect((await ask(provider, keys.another)).ok).toBe(true);
  });

  it("records what it was asked, with the key where it was sent", async () => {
    await ask(provider, keys.good);
    expect(simulators.requests).toHaveLength(1);
    const [request] = simulators.requests;
    expect(request).toMatchObject({ provider, method: probes[provider].method ?? "GET" });
    expect(`${profiles[provider].base}${probes[provider].path}`).toBe(request?.path);
    expect(JSON.stringify(request?.headers)).toContain(keys.good);
  });

  it("tells an outage, a limit and a flaky moment from a refusal", async () => {
    expect((await ask(provider, keys.outage)).status).toBe(provider === "ANTHROPIC" ? 529 : 503);
    expect((await ask(provider, keys.limited)).status).toBe(429);
    expect((await ask(provider, keys.flaky)).ok).toBe(false);
    expect((await ask(provider, keys.flaky)).ok).toBe(true);
  });

  it("answers every marker, and never as if nothing were wrong", async () => {
    const quiet: readonly string[] = ["hang", "drip", "flaky"];
    for (const marker of markers.filter((one) => !quiet.includes(one))) {
      const reply = await ask(provider, keys[marker], { headers: { "openai-organization": "org-wrong" } });
      const body = await reply.text();
      const isGood = reply.status === 200 && !body.startsWith("<") && body.length < 1_000_000;
      expect({ marker, isGood }).toEqual({ marker, isGood: false });
    }
  });

  it("gives every answer it has on demand", async () => {
    for (const one of answers[provider]) {
      simulators.next(provider, one.name);
      const reply = await ask(provider, keys.good);
      expect(reply.status).toBe(one.status);
      expect(await reply.text()).not.toMatch(/\{(?:key|mask|ends|last4|request_id|days:|iso:)/);
    }
    expect((await ask(provider, keys.good)).status).toBe(200);
  });

  it("names each answer once, with a source, and renders without a server", () => {
    const names = answers[provider].map((one) => one.name);
    expect(new Set([...names, ...transportAnswers.map((one) => one.name)]).size).toBe(
      names.length + transportAnswers.length,
    );
    expect(names).toEqual(expect.arrayContaining(["ok", "missing", "rejected", "limited", "outage", "not_found"]));
    for (const one of answers[provider]) {
      expect(one.source).not.toBe("");
      if (typeof one.body !== "string") expect(() => JSON.parse(render(one).body)).not.toThrow();
    }
  });
});

describe("what can go wrong on the way to any provider", () => {
  const keys: ExampleKeys = exampleKeys("OPENAI");

  it("hangs until the client gives up", async () => {
    await expect(ask("OPENAI", keys.hang, { timeoutMs: 80 })).rejects.toThrow(/timeout/);
  });

  it("drips a body that never ends", async () => {
    const reply = await ask("OPENAI", keys.drip, { timeoutMs: 120 });
    expect(reply.status).toBe(200);
    await expect(reply.text()).rejects.toThrow(/timeout/);
  });

  it("sends 5 MB of JSON that looks like success", async () => {
    const body = await (await ask("OPENAI", keys.huge)).text();
    expect(body.length).toBeGreaterThan(5_000_000);
    expect(JSON.parse(body)).toHaveProperty("data");
  });

  it("shows a captive portal with 200", async () => {
    const reply = await ask("OPENAI", keys.html);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
  });

  it("redirects to a sink that records whoever follows and calls the key good", async () => {
    const reply = await ask("OPENAI", keys.redirect);
    expect(reply.status).toBe(307);
    expect(simulators.sinkRequests).toEqual([]);
    const followed = await fetch(reply.headers.get("location") ?? "", { headers: { "x-api-key": "leaked" } });
    expect(await followed.json()).toHaveProperty("data");
    expect(simulators.sinkRequests).toMatchObject([
      { provider: "OPENAI", path: "/v1/models", headers: { "x-api-key": "leaked" } },
    ]);
  });

  it("echoes the key wherever one might keep it", async () => {
    const reply = await ask("OPENAI", keys.echo);
    expect(reply.headers.get("x-request-id")).toBe(keys.echo);
    expect(await at(reply, "error", "code")).toBe(keys.echo);
  });

  it.each(["truncated", "empty"])("sends a body that is no JSON: %s", async (name) => {
    simulators.next("OPENAI", name);
    await expect((await ask("OPENAI", keys.good)).json()).rejects.toThrow(SyntaxError);
  });

  it("resets the connection mid-reply", async () => {
    simulators.next("OPENAI", "reset");
    await expect(ask("OPENAI", keys.good).then((reply) => reply.text())).rejects.toThrow();
  });

  it("has an endpoint where nothing listens", async () => {
    await expect(fetch(refusedEndpoint)).rejects.toMatchObject({ cause: { code: "ECONNREFUSED" } });
  });
});

describe("the kind of a key", () => {
  const openai = exampleKeys("OPENAI");
  const anthropic = exampleKeys("ANTHROPIC");
  const gemini = exampleKeys("GEMINI");
  const cases: [string, ProviderCode, string | undefined, string, number][] = [
    ["an OpenAI admin key reads costs", "OPENAI", openai.admin, "/organization/costs?start_time=1&limit=1", 200],
    ["an OpenAI admin key reads usage", "OPENAI", openai.admin, "/organization/usage/completions?start_time=1", 200],
    ["an OpenAI admin key without the scope does not", "OPENAI", openai.admin_noscope, "/organization/costs", 403],
    ["an OpenAI project key does not read costs", "OPENAI", openai.good, "/organization/costs", 403],
    ["an OpenAI service account key lists models", "OPENAI", openai.service_account, "/models", 200],
    ["an OpenAI restricted key may not list models", "OPENAI", openai.noscope, "/models", 403],
    ["an OpenAI key without an organisation header matches any", "OPENAI", openai.wrongorg, "/models", 200],
    ["an Anthropic admin key sees its organisation", "ANTHROPIC", anthropic.admin, "/v1/organizations/me", 200],
    [
      "an Anthropic admin key reads the cost report",
      "ANTHROPIC",
      anthropic.admin,
      "/v1/organizations/cost_report",
      200,
    ],
    [
      "an Anthropic admin key without the scope does not",
      "ANTHROPIC",
      anthropic.admin_noscope,
      "/v1/organizations/cost_report",
      403,
    ],
    ["an Anthropic API key does not see the organisation", "ANTHROPIC", anthropic.good, "/v1/organizations/me", 401],
    [
      "an Anthropic Enterprise key reads analytics",
      "ANTHROPIC",
      anthropic.enterprise,
      "/v1/organizations/analytics/cost",
      200,
    ],
    ["an Anthropic OAuth token is no API key", "ANTHROPIC", anthropic.oauth, "/v1/models", 401],
    ["a Gemini standard key still works", "GEMINI", gemini.standard, "/v1beta/models", 200],
    [
      "a Gemini standard key can carry a marker",
      "GEMINI",
      exampleKey("GEMINI", ["leaked"], "standard"),
      "/v1beta/models",
      403,
    ],
    ["OpenRouter's models are public", "OPENROUTER", undefined, "/api/v1/models", 200],
    ["an unknown path is not found", "MISTRAL", exampleKeys("MISTRAL").good, "/v1/nothing", 404],
  ];
  test.each(cases)("%s", async (_, provider, key, path, status) => {
    expect((await ask(provider, key ?? null, { path })).status).toBe(status);
  });

  it("takes Anthropic keys in either header, and wants a version", async () => {
    const url = `${simulators.endpoints["ANTHROPIC_API"]}/v1/models`;
    expect(
      (await fetch(url, { headers: { "x-api-key": anthropic.good, "anthropic-version": "2023-06-01" } })).status,
    ).toBe(200);
    expect(await (await fetch(url, { headers: { "x-api-key": anthropic.good } })).text()).toContain(
      "anthropic-version: header is required",
    );
  });

  it("says when an admin key expires", async () => {
    const reply = await ask("OPENAI", openai.expiring ?? "", { path: "/organization/admin_api_keys?limit=100" });
    const expiresAt = Number(await at(reply, "data", 0, "expires_at"));
    expect(expiresAt * 1_000 - Date.now()).toBeGreaterThan(9 * 86_400_000);
  });
});

describe("handling", () => {
  it("forces answers in order, then returns to the key's own", async () => {
    const { good } = exampleKeys("OPENAI");
    simulators.next("OPENAI", "limited", 2);
    simulators.next("OPENAI", "outage");
    const statuses: number[] = [];
    for (let count = 0; count < 4; count += 1) statuses.push((await ask("OPENAI", good)).status);
    expect(statuses).toEqual([429, 429, 503, 200]);
    simulators.always("OPENAI", "region");
    expect([(await ask("OPENAI", good)).status, (await ask("OPENAI", good)).status]).toEqual([403, 403]);
    simulators.always("OPENAI", null);
    expect((await ask("OPENAI", good)).status).toBe(200);
    expect(() => simulators.next("OPENAI", "nonsense")).toThrow(/it has ok,/);
  });

  it("answers late when told to", async () => {
    simulators.latency("GROQ", 60);
    const before = performance.now();
    await ask("GROQ", exampleKeys("GROQ").good);
    expect(performance.now() - before).toBeGreaterThan(50);
  });

  it("closes at once, with a hanging request open", async () => {
    const own = await startSimulators();
    const hanging = fetch(`${own.endpoints["OPENAI_API"]}/models`, {
      headers: { authorization: `Bearer ${exampleKeys("OPENAI").hang}` },
    });
    const failure = expect(hanging).rejects.toThrow();
    while (own.requests.length === 0) await new Promise((done) => setTimeout(done, 5));
    await own.close();
    await failure;
    await expect(fetch(own.url)).rejects.toThrow();
  });
});

interface RegistryEntry {
  code: string;
  endpoints: Record<string, string>;
  fields: { name: string; secret: boolean; pattern: string }[];
  probe: { get?: Call; post?: Call; success?: { has: string } };
}
interface Call {
  endpoint: string;
  path: string;
  headers?: Record<string, string>;
}

const registry = new URL("../../configs/system/providers.yml", import.meta.url);
const entries: RegistryEntry[] = existsSync(registry) ? parse(readFileSync(registry, "utf8")).providers : [];

describe.skipIf(entries.length === 0).each(providerCodes)("%s in the registry", (code) => {
  const entry = entries.find((one) => one.code === code);
  const keys = exampleKeys(code);

  it("has the same path in its endpoint", () => {
    const path = new URL(entry?.endpoints["api"] ?? "").pathname.replace(/\/$/, "");
    expect(path).toBe(profiles[code].base);
  });

  it("takes every example key but garbage", () => {
    const pattern = new RegExp(entry?.fields.find((field) => field.secret)?.pattern ?? "^$");
    const { garbage, ...wellFormed } = keys;
    for (const [behaviour, key] of Object.entries(wellFormed)) expect(pattern.test(key) ? "" : behaviour).toBe("");
    expect(garbage).not.toMatch(pattern);
  });

  it("asks something that is answered here", async () => {
    const call = entry?.probe.get ?? entry?.probe.post;
    if (call === undefined) return; // a protocol of its own, tested with its file
    const headers = Object.entries(call.headers ?? {}).map(([name, value]) => [
      name,
      value.replace("{api_key}", keys.good),
    ]);
    const method = entry?.probe.post === undefined ? "GET" : "POST";
    const reply = await fetch(`${simulators.endpoints[`${code}_API`]}${call.path}`, {
      method,
      headers: Object.fromEntries(headers),
    });
    expect(reply.status).toBe(200);
    const [first = ""] = (entry?.probe.success?.has ?? "").split(/[.[]/);
    const body: unknown = await reply.json();
    expect(Array.isArray(body) ? body[0] : body).toHaveProperty(first);
  });
});
