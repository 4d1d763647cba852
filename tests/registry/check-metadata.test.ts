import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import { checkMetadata, looksLikeSecret } from "../../shared/registry/check-metadata.ts";
import { loadRegistry } from "../../shared/registry/load.ts";
import { entryOf, fakeKey, fakeKeys, registry, registryText } from "./the-registry.ts";

const openai = entryOf("OPENAI");

function refusalOf(metadata: Record<string, unknown>): Fault {
  try {
    checkMetadata(registry, openai, metadata);
  } catch (error) {
    if (error instanceof Fault) return error;
    throw error;
  }
  throw new Error("was taken");
}

describe("metadata is taken:", () => {
  test.each([
    ["none", {}],
    ["the contract's example", { environment: "production" }],
    [
      "every general setting",
      {
        environment: "production",
        team: "ML Plattform",
        owner: "ada@example.com",
        cost_center: "4711-22",
        notes: "Rotiert im März – siehe Wiki.",
        tags: ["a", "b"],
      },
    ],
    ["null, which removes", { team: null, tags: null }],
    ["an empty text", { notes: "" }],
    [
      "words that only resemble keys",
      { notes: "token-usage-dashboard sk-team api-gateway-production", owner: "9f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f" },
    ],
  ])("%s", (_, metadata) => {
    expect(checkMetadata(registry, openai, metadata)).toEqual(metadata);
  });
  test("a provider's own settings in their own form", () => {
    const text = registryText.replace(
      '    recognise: ["^sk-ant-"]',
      '    metadata: [{ name: workspace, label: Workspace, pattern: "^wrkspc_[a-z0-9]{1,40}$", example: wrkspc_01 }]\n    recognise: ["^sk-ant-"]',
    );
    const entry = loadRegistry([{ name: "a", text }]).byCode("ANTHROPIC");
    if (entry === null) throw new Error("no ANTHROPIC");
    expect(checkMetadata(registry, entry, { workspace: "wrkspc_01abc" })).toEqual({ workspace: "wrkspc_01abc" });
    expect(() => checkMetadata(registry, entry, { workspace: "elsewhere" })).toThrow(
      /\/metadata\/workspace: does not have the expected form/,
    );
  });
});

describe("metadata is refused, without value or unknown name:", () => {
  test.each<[string, Record<string, unknown>, string, RegExp]>([
    ["a name that is not known", { "hunter2-secret": "x" }, "/metadata", /takes only: environment, team/],
    ["__proto__", JSON.parse('{"__proto__":{"a":1}}'), "/metadata", /takes only/],
    ["constructor", { constructor: "x" }, "/metadata", /takes only/],
    [
      "a field of the credential",
      { organization_id: "org-1" },
      "/metadata/organization_id",
      /send it inside `credential`/,
    ],
    ["the secret field itself", { api_key: "hunter2-secret" }, "/metadata/api_key", /send it inside `credential`/],
    ["a number", { team: 4 }, "/metadata/team", /must be a text/],
    ["an object", { team: { a: 1 } }, "/metadata/team", /must be a text/],
    ["a long text", { notes: "hunter2 ".repeat(26) }, "/metadata/notes", /longer than 200/],
    ["a line break", { notes: "hunter2\nsecret" }, "/metadata/notes", /control characters/],
    ["a bidirectional override", { notes: "hunter2\u202esecret" }, "/metadata/notes", /control characters/],
    ["a lone surrogate", { notes: "hunter2\ud800" }, "/metadata/notes", /control characters/],
    ["tags that are no list", { tags: "hunter2" }, "/metadata/tags", /must be a list/],
    ["21 tags", { tags: Array(21).fill("hunter2") }, "/metadata/tags", /at most 20/],
    ["a long tag", { tags: ["hunter2".repeat(10)] }, "/metadata/tags", /holds a tag that is longer/],
    ["a tag that is a number", { tags: [1] }, "/metadata/tags", /holds a tag that must be a text/],
  ])("%s", (_, metadata, field, message) => {
    const fault = refusalOf(metadata);
    expect(fault.code).toBe("request_malformed");
    expect(fault.details.errors).toEqual([{ field, message: expect.stringMatching(message) }]);
    expect(JSON.stringify([fault.message, fault.details])).not.toContain("hunter2");
  });
});

describe("a text that looks like a secret is found:", () => {
  test.each(Object.entries(fakeKeys).filter(([code]) => code !== "DEEPSEEK"))(
    "a key of %s, alone and in a sentence",
    (_, key) => {
      expect(looksLikeSecret(registry, key)).toBe(true);
      expect(looksLikeSecret(registry, `the key is "${key}", keep it`)).toBe(true);
      expect(refusalOf({ notes: `key=${key}`.slice(0, 200) }).message).not.toContain(key.slice(0, 10));
    },
  );
  test.each([
    ["a DeepSeek key", fakeKey("DEEPSEEK")],
    ["an AWS access key", "AKIA0123456789ABCDEF"],
    ["a GitHub token", `ghp_${"a1".repeat(18)}`],
    ["one of our own keys", `cact_live_${"a1".repeat(6)}_${"b".repeat(49)}`],
    ["a JWT", `eyJhbGciOiJIUzI1NiJ9.${"a".repeat(20)}.${"b".repeat(20)}`],
    ["a PEM", "-----BEGIN PRIVATE KEY-----"],
    ["64 hex digits", "0f".repeat(32)],
  ])("%s", (_, text) => {
    expect(looksLikeSecret(registry, text)).toBe(true);
  });
  const glued = "AbC123dEf456GhI789jKl012MnO345";
  test.each([
    `prod-sk-proj-${glued}`,
    `prodsk-proj-${glued}`,
    `key.sk-proj-${glued}`,
    `sk-proj-${glued}.old`,
    `team/sk-ant-api03-${glued}`,
    `me@sk-or-v1-${"0f".repeat(32)}`,
    `mesk-or-v1-${"0f".repeat(32)}`,
    `x#${fakeKey("DEEPSEEK")}`,
    `task-${fakeKey("DEEPSEEK")}`,
    "k_gsk_demo0good00000000000000000000000000000000",
    `prod-${fakeKey("GROQ")}`,
    `prod_${fakeKey("XAI")}_old`,
    `https://api.example/v1/${fakeKey("PERPLEXITY")}/models`,
    `key-${fakeKey("GEMINI")}`,
    `key-AIza${"a1B".repeat(12)}`,
    `mistral-${"e5z".repeat(11)}-prod`,
    `cohere.${fakeKey("COHERE")}`,
    `my-${fakeKey("TOGETHER")}`,
    `x.${fakeKey("FIREWORKS")}`,
    "userAKIA0123456789ABCDEF-old",
    `token_ghp_${"a1".repeat(18)}`,
    `prod-cact_live_${"a1".repeat(6)}_${"b2".repeat(24)}`,
    `jwt.eyJhbGciOiJIUzI1NiJ9.${"a".repeat(20)}.${"b".repeat(20)}`,
  ])("%s, glued to something", (text) => {
    expect(looksLikeSecret(registry, text)).toBe(true);
    expect(looksLikeSecret(registry, `see ${text}, please`)).toBe(true);
  });
  test.each([200, 100])("quickly, in %i characters of anything", (length) => {
    for (const piece of ["sk-", "eyJ-", "a1", "AQ.", "k_", "fw_a", "-", "A", "sk-or-v1-0", "eyJaaaaaaaa.a."]) {
      const text = piece.repeat(length).slice(0, length);
      looksLikeSecret(registry, text);
      const from = performance.now();
      looksLikeSecret(registry, text);
      expect(performance.now() - from).toBeLessThan(500);
    }
  });
  test.each([
    "OpenAI API Key",
    "task-9f1c2d3e-4a5b-6c7d-8e9f-0a1b2c3d4e5f",
    "task-9f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f",
    "pipeline-run-9f1c2d3e4a5b6c7d8e9f0a1b2c3d4e5f",
    "task-scheduler-production-europe-west1",
    "task_20261120T100000Z",
    "scheduled__2026-11-20T10:00:00+00:00",
    "risk-or-reward-analysis-2026",
    "task-admin-panel-2026-q4",
    "desk-service-account-europe-west1",
    "flask-proj-migration-phase-2",
    "team-sk-bratislava-office-2026",
    "orders_pk_constraint_123456789012",
    "task-admin-2026@example.com",
    "ada.lovelace+billing2026@risk-or-reward.example.com",
    "https://github.com/acme/billing/commit/9fceb02d0ae598e95dc970b74767f19372d61af8",
    "https://docs.google.com/document/d/1BxiMVs0XRA5nFMdKvBdBZjgmUUqptlbs74OgvE2upms/edit",
    "https://wiki.example.com/task-force/sk-or-cz?page=2026",
    `ocid1.tenancy.oc1..${"a1b2c3d4e5f6g7h8".repeat(4)}`.slice(0, 90),
    "projects/my-project-123456/locations/europe-west1/services/task-runner",
    "arn:aws:iam::123456789012:role/cloudact-reader",
    "Ask me: the risk is low, the desk-or-chair question is open.",
    "Production (EU)",
    "Schlüssel für Team Ä",
    "my-project.billing.gcp_billing_export_v1_01ABCD_23EF45_678901",
    "2026-11-20T10:00:00.000Z",
    "ocid1.tenancy.oc1..aaaaaaaabbbbbbbbcccccccc",
  ])("%s is none", (text) => {
    expect(looksLikeSecret(registry, text)).toBe(false);
  });
});
