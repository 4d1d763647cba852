import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Fault } from "../../shared/contract/fault.ts";
import {
  checkMetadata,
  generalMetadata,
  isDate,
  looksLikeSecret,
  missingSettings,
} from "../../shared/registry/check-metadata.ts";
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

/** A provider with a setting of every kind, as a registry file may describe one. */
const kinds = loadRegistry([
  {
    name: "kinds.yml",
    text: `providers:
  - code: KINDS
    display_name: Kinds
    category: saas
    credential_type: none
    metadata:
      - { name: words, label: Words, pattern: "^[a-z ]{1,20}$", example: a b, required: true }
      - { name: choice, label: Choice, options: [red, blue], example: red }
      - { name: many, label: Many, options: [${Array.from({ length: 21 }, (_, index) => `o${index}`).join(", ")}], example: o1 }
      - { name: day, label: Day, kind: date, example: 2026-01-31 }
      - { name: price, label: Price, kind: decimal, min: 0.5, max: 1000, example: "19.99", required: true }
      - { name: seats, label: Seats, kind: integer, min: 1, max: 500, example: "3" }
      - { name: on, label: On, kind: boolean, example: "true" }
      - name: accounts
        label: Accounts
        kind: list
        max: 3
        example: a list
        items:
          - { name: id, label: Id, pattern: "^[A-Z0-9-]{4,40}$", example: 01AB, required: true }
          - { name: since, label: Since, kind: date, example: 2026-01-31 }
          - { name: note, label: Note, example: any }
`,
  },
]);
const kindsEntry = kinds.byCode("KINDS");
if (kindsEntry === null) throw new Error("no KINDS");

/** What is wrong, by field; empty where it is taken as it is. */
function wrongOf(metadata: Record<string, unknown>): Record<string, string> {
  if (kindsEntry === null) throw new Error("no KINDS");
  try {
    expect(checkMetadata(kinds, kindsEntry, metadata)).toEqual(metadata);
    return {};
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    expect(error.code).toBe("request_malformed");
    return Object.fromEntries((error.details.errors ?? []).map(({ field, message }) => [field, message]));
  }
}

describe("each kind takes its own form and no other:", () => {
  const secret = `ghp_${"a1".repeat(18)}`;
  test.each<[string, unknown, string | null]>([
    ["words", "a b", null],
    ["words", "A", "does not have the expected form, e.g. a b"],
    ["words", true, "must be a text"],
    ["choice", "blue", null],
    ["choice", "Blue", "must be one of: red, blue"],
    ["choice", ["red"], "must be a text"],
    ["many", "o20", null],
    ["many", "o21", "must be one of the 21 values that GET /providers lists, e.g. o1"],
    ["day", "2024-02-29", null],
    ["day", "2025-02-29", "must be a date from 1900 to 2199, YYYY-MM-DD"],
    ["day", "9999-12-31", "must be a date from 1900 to 2199, YYYY-MM-DD"],
    ["day", "2026-1-1", "must be a date from 1900 to 2199, YYYY-MM-DD"],
    ["day", 20_260_101, "must be a date from 1900 to 2199, YYYY-MM-DD"],
    ["price", "0.5", null],
    ["price", "1000.000000", null],
    ["price", "0.49", "must be at least 0.5"],
    ["price", "1000.000001", "must be at most 1000"],
    ["price", 19.99, 'must be a decimal number as text, e.g. "19.99"'],
    ["price", "1e2", 'must be a decimal number as text, e.g. "19.99"'],
    ["price", "019.99", 'must be a decimal number as text, e.g. "19.99"'],
    ["price", "19.", 'must be a decimal number as text, e.g. "19.99"'],
    ["price", " 19.99", 'must be a decimal number as text, e.g. "19.99"'],
    ["price", "1.0000001", 'must be a decimal number as text, e.g. "19.99"'],
    ["seats", 500, null],
    ["seats", 501, "must be at most 500"],
    ["seats", 0, "must be at least 1"],
    ["seats", 1.5, "must be a whole number"],
    ["seats", "3", "must be a whole number"],
    ["on", false, null],
    ["on", "false", "must be true or false"],
    ["on", 0, "must be true or false"],
    ["accounts", [], null],
    ["accounts", {}, "must be a list of at most 3"],
    ["accounts", Array(4).fill({ id: "01AB" }), "must be a list of at most 3"],
  ])("%s: %j → %s", (name, value, message) => {
    expect(wrongOf({ [name]: value })).toEqual(message === null ? {} : { [`/metadata/${name}`]: message });
  });
  test.each<[string, unknown, string, string]>([
    ["no object", "01AB", "/metadata/accounts/1", "must be an object"],
    ["a list in the list", [["01AB"]], "/metadata/accounts/1", "must be an object"],
    ["null", null, "/metadata/accounts/1", "must be an object"],
    [
      "an unknown member",
      { id: "01AB", endpoint: "https://evil.example" },
      "/metadata/accounts/1",
      "takes only: id, since, note",
    ],
    [
      "__proto__",
      JSON.parse('{"id":"01AB","__proto__":{"note":"x"}}'),
      "/metadata/accounts/1",
      "takes only: id, since, note",
    ],
    ["a missing member", { note: "x" }, "/metadata/accounts/1/id", "is missing"],
    [
      "a member of the wrong form",
      { id: "x" },
      "/metadata/accounts/1/id",
      "does not have the expected form, e.g. 01AB",
    ],
    [
      "a member of the wrong kind",
      { id: "01AB", since: "soon" },
      "/metadata/accounts/1/since",
      "must be a date from 1900 to 2199, YYYY-MM-DD",
    ],
    [
      "a secret",
      { id: "01AB", note: secret },
      "/metadata/accounts/1/note",
      "looks like a secret: secrets go inside `credential` only",
    ],
  ])("an element that is or holds %s", (_, element, field, message) => {
    expect(wrongOf({ accounts: [{ id: "OK-1" }, element] })).toEqual({ [field]: message });
  });
  test("all that is wrong is said at once, and a price that is a number gets its remedy", () => {
    expect(
      Object.keys(wrongOf({ seats: 0, day: "x", other: 1, another: 2, accounts: [1, { id: "x", since: "y" }] })),
    ).toEqual([
      "/metadata/seats",
      "/metadata/day",
      "/metadata/accounts/0",
      "/metadata/accounts/1/id",
      "/metadata/accounts/1/since",
      "/metadata",
    ]);
    expect(() => checkMetadata(kinds, kindsEntry, { price: 1 })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ remedy: expect.stringMatching(/in quotes/) }) }),
    );
  });
  test("what is required is missing where it is not there or removed", () => {
    expect(missingSettings(kindsEntry, { words: "a", price: null }).map(({ field }) => field)).toEqual([
      "/metadata/price",
    ]);
    expect(missingSettings(kindsEntry, { words: "", price: "0" })).toEqual([]);
  });
});

describe("whatever is sent,", () => {
  const any = fc.anything({ withNullPrototype: false, withBigInt: false, maxDepth: 3 });
  const names = kindsEntry.metadata.map(({ name }) => name);
  const isOf: Record<string, (value: unknown) => boolean> = {
    words: (value) => typeof value === "string",
    choice: (value) => value === "red" || value === "blue",
    many: (value) => typeof value === "string",
    day: (value) => typeof value === "string" && new Date(value).toISOString().slice(0, 10) === value,
    price: (value) => typeof value === "string" && Number(value) >= 0.5 && Number(value) <= 1000,
    seats: (value) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 500,
    on: (value) => typeof value === "boolean",
    accounts: (value) => Array.isArray(value) && value.length <= 3,
  };
  test("it is taken as it is where it is of the kind, or refused by its field", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...names),
        fc.oneof(any, fc.string(), fc.double(), fc.date().map(String)),
        (name, value) => {
          const wrong = wrongOf({ [name]: value });
          if (Object.keys(wrong).length === 0) expect(value === null || isOf[name]?.(value)).toBe(true);
          else for (const field of Object.keys(wrong)) expect(field.startsWith(`/metadata/${name}`)).toBe(true);
        },
      ),
      { numRuns: 2_000 },
    );
  });
  test("every day of the calendar is a date, and no other text of that shape", () => {
    const digits = (length: number) =>
      fc.integer({ min: 0, max: 10 ** length - 1 }).map((one) => String(one).padStart(length, "0"));
    fc.assert(
      fc.property(fc.constantFrom("19", "20", "21"), digits(2), digits(2), digits(2), (century, year, month, day) => {
        const last = new Date(Date.UTC(Number(century + year), Number(month), 0)).getUTCDate();
        const exists = Number(month) >= 1 && Number(month) <= 12 && Number(day) >= 1 && Number(day) <= last;
        expect(isDate(`${century}${year}-${month}-${day}`)).toBe(exists);
      }),
      { numRuns: 3_000 },
    );
  });
  test("every amount of up to 12 digits and 6 decimals is taken and kept to the letter", () => {
    const amount = fc
      .tuple(fc.bigInt({ min: 0n, max: 999_999_999_999n }), fc.stringMatching(/^(?:\.[0-9]{1,6})?$/))
      .map(([whole, part]) => `${whole}${part}`);
    fc.assert(
      fc.property(amount, (price) => {
        const wrong = wrongOf({ price });
        expect(Object.keys(wrong).length === 0).toBe(Number(price) >= 0.5 && Number(price) <= 1000);
        expect(Object.values(wrong).every((message) => message.startsWith("must be at "))).toBe(true);
      }),
    );
  });
  test("no value and no unknown name is repeated", () => {
    const marker = "hunter2-secret";
    const marked = fc.oneof(
      fc.constant(marker),
      fc.constant([marker]),
      fc.constant([{ id: marker }, { [marker]: 1 }]),
      fc.constant({ [marker]: marker }),
    );
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...names, ...Object.keys(generalMetadata), marker), marked),
        (metadata) => {
          try {
            checkMetadata(kinds, kindsEntry, metadata);
          } catch (error) {
            if (!(error instanceof Fault)) throw error;
            expect(JSON.stringify([error.message, error.details])).not.toContain("hunter2");
          }
        },
      ),
    );
  });
  test("a secret is found wherever a text may stand, in every provider's settings", () => {
    const secret = `ghp_${"a1".repeat(18)}`;
    for (const entry of [...registry.entries, ...(registry.custom ? [registry.custom] : [])]) {
      const texts = entry.metadata.filter(({ kind }) => kind === "text").map(({ name }) => ({ [name]: secret }));
      const lists = entry.metadata.flatMap(({ name, items = [] }) =>
        items.map((item) => ({ [name]: [{ [item.name]: secret }] })),
      );
      const general = Object.keys(generalMetadata).map((name) => ({ [name]: name === "tags" ? [secret] : secret }));
      for (const metadata of [...texts, ...lists, ...general])
        expect(() => checkMetadata(registry, entry, metadata), `${entry.code} ${Object.keys(metadata)}`).toThrow(Fault);
    }
  });
});

describe("no setting of any provider names a host:", () => {
  test.each([
    "token_uri",
    "auth_uri",
    "universe_domain",
    "endpoint",
    "endpoints",
    "base_url",
    "api_base_url",
    "api",
    "host",
    "url",
    "proxy",
    "authority_host",
    "webhook_url",
  ])("%s", (name) => {
    for (const entry of [...registry.entries, ...(registry.custom ? [registry.custom] : [])]) {
      const isField = entry.fields.some((field) => field.name === name);
      expect(() => checkMetadata(registry, entry, { [name]: "https://hunter2.example" }), entry.code).toThrow(
        isField ? /is part of the credential/ : /takes only: .*environment, team/,
      );
    }
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
